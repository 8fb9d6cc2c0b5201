//! A queue of what was asked, in runs of the same kind. Its first runs need no memory of their own.

use std::collections::VecDeque;

use crate::wire::relay::owed::asked::Asked;

/// Runs that an ordinary session has at once: a pipeline of extended messages and its Sync, twice.
const INLINE: usize = 4;

/// Messages of one kind in a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    /// Their kind.
    pub asked: Asked,
    /// How many there are: one or more.
    pub count: u32,
}

/// Runs in the order in which they were asked.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The front of the queue, without gaps.
    inline: [Option<Run>; INLINE],
    /// What did not fit; given back once it is empty.
    spilled: VecDeque<Run>,
}

impl Runs {
    pub(super) fn is_empty(&self) -> bool {
        self.front().is_none()
    }

    pub(super) fn front(&self) -> Option<Run> {
        let [first, ..] = self.inline;
        first
    }

    /// All runs, from the front.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Run> {
        self.inline.iter().copied().flatten().chain(self.spilled.iter().copied())
    }

    /// One more message at the end.
    pub(super) fn push(&mut self, asked: Asked) {
        match self.spilled.back_mut().or(self.inline.iter_mut().flatten().last()) {
            Some(last) if last.asked == asked && last.count < u32::MAX => last.count = last.count.saturating_add(1),
            _ => self.push_run(Run { asked, count: 1 }),
        }
    }

    fn push_run(&mut self, run: Run) {
        let free = self.inline.iter_mut().find(|place| place.is_none());
        match free.filter(|_| self.spilled.is_empty()) {
            Some(place) => *place = Some(run),
            None => self.spilled.push_back(run),
        }
    }

    /// A run before all others.
    pub(super) fn push_front(&mut self, run: Run) {
        self.inline.rotate_right(1);
        let [first, ..] = &mut self.inline;
        if let Some(displaced) = first.replace(run) {
            self.spilled.push_front(displaced);
        }
    }

    /// Takes one message off the first run.
    pub(super) fn pop(&mut self) -> Option<Asked> {
        let [first, ..] = &mut self.inline;
        let run = first.as_mut()?;
        let asked = run.asked;
        run.count = run.count.saturating_sub(1);
        if run.count == 0 {
            self.pop_run();
        }
        Some(asked)
    }

    /// Takes off the whole first run.
    pub(super) fn pop_run(&mut self) -> Option<Run> {
        let [first, ..] = &mut self.inline;
        let run = first.take();
        self.inline.rotate_left(1);
        let [.., last] = &mut self.inline;
        *last = self.spilled.pop_front();
        if self.spilled.is_empty() && self.spilled.capacity() > 0 {
            self.spilled = VecDeque::new();
        }
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_queue_comes_out_as_it_went_in_and_its_memory_is_given_back() {
        let mut runs = Runs::default();
        let asked = |number: usize| if number.is_multiple_of(3) { Asked::Sync } else { Asked::Extended };
        for number in 0..1000 {
            runs.push(asked(number));
        }
        assert!(!runs.spilled.is_empty());
        runs.push_front(Run { asked: Asked::Query, count: 2 });
        assert_eq!((runs.pop(), runs.pop()), (Some(Asked::Query), Some(Asked::Query)));
        for number in 0..1000 {
            assert_eq!(runs.pop(), Some(asked(number)), "{number}");
        }
        assert!(runs.is_empty() && runs.pop().is_none() && runs.spilled.capacity() == 0);
    }

    #[test]
    fn a_few_runs_take_no_memory_of_their_own() {
        let mut runs = Runs::default();
        for _ in 0..1000 {
            for asked in [Asked::Extended, Asked::Extended, Asked::Sync, Asked::Extended, Asked::Sync] {
                runs.push(asked);
            }
            assert_eq!(runs.spilled.capacity(), 0);
            while runs.pop().is_some() {}
        }
    }
}
