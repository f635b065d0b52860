//! `config` prints the table of configuration keys.

use crate::tool::{command, end};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_is_printed_in_parts_and_as_json() {
    let config = async |arguments: &[&str]| {
        let mut command = command(&[&["config"], arguments].concat());
        end(command.spawn().expect("the binary starts"), b"").await
    };
    let all = config(&[]).await;
    assert_eq!(all.code, Some(0), "{}", all.stderr);
    for line in [
        "\nacks ",
        "\ntransactional.id\n",
        "\nqueue.buffering.max.ms ",
    ] {
        assert!(all.stdout.contains(line), "{line:?}\n{}", all.stdout);
    }
    let part = config(&["linger.ms"]).await;
    assert!(part.stdout.contains("\nlinger.ms "), "{}", part.stdout);
    assert!(!part.stdout.contains("\nacks "), "{}", part.stdout);
    let json = config(&["--json", "linger.ms"]).await;
    assert_eq!(json.reports()[0]["default"], "5");
    let nothing = config(&["no.such.key"]).await;
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("no.such.key"), "{}", nothing.stderr);
}
