//! What becomes of a record: every row of the table of outcomes.

use crate::world::World;
use odradek::Outcome;

#[test]
fn an_acknowledged_record_is_written_with_its_offset() {
    let mut world = World::new().topic("orders", 1);
    let first = world.send("orders", Some("k"), "one");
    let second = world.send("orders", None, "two");
    world.run_until_idle();
    let fortune = world.account.fortune(first);
    assert_eq!(
        (fortune.outcome, fortune.offset),
        (Outcome::Written, Some(0))
    );
    assert_eq!(fortune.cause, None);
    assert_eq!(world.account.fortune(second).offset, Some(1));
    world.finish();
}
