//! The gate that every request passes: how many run at once, when none may start, and what may be tried again.

use tokio::sync::watch;
use tokio::time::{self, Instant};

use super::Halt;
use crate::deliver::Scope;
use crate::deliver::budget::{Budget, Repeat};
use crate::deliver::pace::{Course, Pace, Start};

/// The gate that every request passes.
pub(in crate::sync) struct Gate {
    /// The channel is a lock that tells whoever waits when something changed.
    state: watch::Sender<State>,
}

struct State {
    /// Nothing starts before this instant.
    open_at: Instant,
    pace: Pace,
    budget: Budget,
}

/// A request that was let through; it makes room when it is dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    start: Start,
    course: Course,
}

impl Gate {
    /// Makes a gate for at most so many requests at once.
    pub(in crate::sync) fn new(most: usize) -> Self {
        let state = State { open_at: Instant::now(), pace: Pace::new(most), budget: Budget::new() };
        Self { state: watch::Sender::new(state) }
    }

    /// Lets nothing through before an instant.
    pub(super) fn close_until(&self, until: Instant) {
        self.state.send_modify(|state| state.open_at = state.open_at.max(until));
    }

    /// Takes in that Meta accepted a part.
    pub(super) fn pay(&self) {
        self.state.send_if_modified(|state| {
            state.budget.pay();
            false
        });
    }

    /// Takes the price of a repeat, if there is so much.
    pub(super) fn afford(&self, scope: Scope) -> bool {
        let repeat = match scope {
            Scope::Batch => Repeat::AfterFault,
            Scope::All => Repeat::AfterThrottle,
        };
        let mut is_afforded = false;
        self.state.send_if_modified(|state| {
            is_afforded = state.budget.afford(repeat);
            false
        });
        is_afforded
    }

    /// Waits until `until`, until the gate is open, and until there is room; `None` when the run is halted before.
    pub(super) async fn pass(&self, until: Instant, halt: &watch::Sender<Option<Halt>>) -> Option<Pass<'_>> {
        let mut halted = halt.subscribe();
        let mut changes = self.state.subscribe();
        loop {
            if halted.borrow_and_update().is_some() {
                return None;
            }
            let open_at = changes.borrow_and_update().open_at.max(until);
            if Instant::now() < open_at {
                tokio::select! {
                    () = time::sleep_until(open_at) => {}
                    _ = halted.changed() => {}
                }
                continue;
            }
            if let Some(start) = self.start() {
                return Some(Pass { gate: self, start, course: Course::Unmade });
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = halted.changed() => {}
            }
        }
    }

    fn start(&self) -> Option<Start> {
        let mut start = None;
        self.state.send_if_modified(|state| {
            start = state.pace.start();
            false
        });
        start
    }
}

impl Pass<'_> {
    /// Makes room for the next request, and says how this one went.
    pub(super) fn leave(mut self, course: Course) {
        self.course = course;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let (start, course) = (self.start, self.course);
        self.gate.state.send_modify(|state| state.pace.end(start, course));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::send::Halt;

    /// Passes if that is possible at once.
    async fn pass_now<'a>(gate: &'a Gate, halt: &watch::Sender<Option<Halt>>) -> Option<Pass<'a>> {
        tokio::select! {
            biased;
            pass = gate.pass(Instant::now(), halt) => pass,
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn fm_37_fm_38_no_more_run_at_once_than_the_pace_allows_and_none_while_the_gate_is_closed() {
        let (gate, halt) = (Gate::new(2), watch::Sender::new(None));
        let (first, second) = (pass_now(&gate, &halt).await.unwrap(), pass_now(&gate, &halt).await.unwrap());
        assert!(pass_now(&gate, &halt).await.is_none());
        // Whoever waits goes on as soon as there is room.
        let (third, ()) = tokio::join!(gate.pass(Instant::now(), &halt), async { first.leave(Course::Clean) });
        third.unwrap().leave(Course::Clean);
        // After trouble there is room for one, and the second takes it.
        let third = pass_now(&gate, &halt).await.unwrap();
        third.leave(Course::Troubled);
        assert!(pass_now(&gate, &halt).await.is_none());
        second.leave(Course::Troubled);
        drop(pass_now(&gate, &halt).await.unwrap());
        gate.close_until(Instant::now() + std::time::Duration::from_secs(3_600));
        assert!(pass_now(&gate, &halt).await.is_none());
        // A halt is heard by whoever waits.
        let (waiting, ()) = tokio::join!(gate.pass(Instant::now(), &halt), async { Halt::Signal(15).call(&halt) });
        assert!(waiting.is_none());
    }
}
