//! Functions that are called with a report, where nobody waits for it.

use crate::shared::Shared;
use crate::staging::CommandKind;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Has the driver call `callback` with what `delivery` gives.
///
/// The driver wakes deliveries in the order of their records, each partition by itself, so callbacks
/// are wakers. One that comes late queues behind those that the driver is about to call.
pub(crate) fn call<D, F>(shared: &Shared, delivery: D, callback: F)
where
    D: Future<Output: Send> + Unpin + Send + 'static,
    F: FnOnce(D::Output) + Send + 'static,
{
    let call = Arc::new(Call(Mutex::new(State::Waiting(delivery, callback))));
    let waker = Waker::from(Arc::clone(&call));
    if call.is_late(&waker) {
        let wake = shared.staging().command(CommandKind::Wake(waker));
        wake.wake();
    }
}

struct Call<D: Future, F>(Mutex<State<D, F>>);

enum State<D: Future, F> {
    Waiting(D, F),
    Reported(D::Output, F),
    Called,
}

impl<D: Future + Unpin, F> Call<D, F> {
    fn lock(&self) -> MutexGuard<'_, State<D, F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the report is there already. If not, `waker` is woken when it is.
    fn is_late(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        state.look(waker);
        matches!(*state, State::Reported(..))
    }
}

impl<D: Future + Unpin, F> State<D, F> {
    /// Takes the report if it is there.
    fn look(&mut self, waker: &Waker) {
        *self = match mem::replace(self, Self::Called) {
            Self::Waiting(mut delivery, callback) => {
                match Pin::new(&mut delivery).poll(&mut Context::from_waker(waker)) {
                    Poll::Ready(report) => Self::Reported(report, callback),
                    Poll::Pending => Self::Waiting(delivery, callback),
                }
            }
            other @ (Self::Reported(..) | Self::Called) => other,
        };
    }
}

impl<D, F> Wake for Call<D, F>
where
    D: Future<Output: Send> + Unpin + Send + 'static,
    F: FnOnce(D::Output) + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut state = self.lock();
        state.look(&waker);
        let reported = match mem::replace(&mut *state, State::Called) {
            State::Reported(report, callback) => (report, callback),
            other @ (State::Waiting(..) | State::Called) => {
                *state = other;
                return;
            }
        };
        drop(state);
        let (report, callback) = reported;
        // The panic hook has told of a panic; the records of others must not suffer from it.
        let _ = catch_unwind(AssertUnwindSafe(|| callback(report)));
    }
}
