//! The partitions in turn, whatever the key (`RoundRobinPartitioner` of Java).

/// Whose turn it is in one topic.
#[derive(Debug, Default)]
pub(super) struct RoundRobin {
    next: i32,
}

impl RoundRobin {
    /// The next partition that has a leader, of `count`; without any leader the next one. The turn
    /// passes when a record [went](Self::on_appended) there, so one that was refused skips nobody.
    pub(super) fn choose(&self, count: i32, is_led: impl Fn(i32) -> bool) -> i32 {
        let next = if self.next < count { self.next } else { 0 };
        let in_turn = (next..count).chain(0..next);
        in_turn
            .into_iter()
            .find(|partition| is_led(*partition))
            .unwrap_or(next)
    }

    pub(super) const fn on_appended(&mut self, partition: i32) {
        self.next = partition.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(count: i32, is_led: fn(i32) -> bool) -> Vec<i32> {
        let mut round = RoundRobin::default();
        let turn = |_| {
            let partition = round.choose(count, is_led);
            assert_eq!(round.choose(count, is_led), partition, "nothing was sent");
            round.on_appended(partition);
            partition
        };
        (0..7).map(turn).collect()
    }

    #[test]
    fn partitions_with_a_leader_take_turns() {
        assert_eq!(turns(3, |_| true), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(turns(4, |p| p % 2 == 1), [1, 3, 1, 3, 1, 3, 1]);
        assert_eq!(turns(3, |_| false), [0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(turns(1, |_| true), [0; 7]);
    }
}
