//! How many sockets are open on all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::observe::{Door, Metrics};

/// The count of open sockets; clones share it.
#[derive(Debug, Clone, Default)]
pub struct OpenSockets(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    count: AtomicUsize,
    emptied: Notify,
}

/// One open socket; dropping it counts it out.
#[derive(Debug)]
pub struct SocketGuard {
    open: OpenSockets,
    metrics: Metrics,
    door: Door,
}

impl OpenSockets {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }

    /// Counts one in, unless there are `most` already; none for one too many.
    #[must_use]
    pub fn open(&self, door: Door, most: usize, metrics: &Metrics) -> Option<SocketGuard> {
        let more = |count: usize| (count < most).then_some(count + 1);
        self.0.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        metrics.socket_opened(door);
        Some(SocketGuard { open: self.clone(), metrics: metrics.clone(), door })
    }

    /// Waits until none is open.
    pub async fn wait_until_none(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        self.metrics.socket_closed(self.door);
        if self.open.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.open.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_open_than_may_be() {
        let (sockets, metrics) = (OpenSockets::default(), Metrics::default());
        let open = || sockets.open(Door::Native, 2, &metrics);
        let (first, _second) = (open(), open());
        assert!(first.is_some() && open().is_none());
        drop(first);
        assert!(open().is_some());
    }
}
