//! A body that can be held up or cut.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::Abort;

/// How a body reaches the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// After so many bytes something happens.
    pub(crate) after: usize,
    pub(crate) then: Then,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing: the whole body is sent.
    #[default]
    GoOn,
    /// A pause, then the rest.
    Pause(Duration),
    /// The end of the connection.
    Abort(Abort),
}

/// The whole is announced in Content-Length, whatever is sent of it.
#[derive(Debug)]
pub(crate) struct Body {
    announced: u64,
    first: Option<Bytes>,
    then: Then,
    pause: Option<Pin<Box<Sleep>>>,
    flushed: bool,
    rest: Option<Bytes>,
}

impl Body {
    pub(crate) fn new(bytes: Vec<u8>, delivery: Delivery) -> Self {
        let mut rest = Bytes::from(bytes);
        let announced = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        let first = rest.split_to(delivery.after.min(rest.len()));
        let part = |bytes: Bytes| Some(bytes).filter(|bytes| !bytes.is_empty());
        Self {
            announced,
            first: part(first),
            then: delivery.then,
            pause: None,
            flushed: false,
            rest: part(rest),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match self.then {
            Then::GoOn => {}
            // An error throws away what hyper has not written yet, and hyper writes when a body has nothing ready.
            Then::Abort(_) if !self.flushed => {
                self.flushed = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Then::Abort(abort) => return Poll::Ready(Some(Err(abort))),
            Then::Pause(pause) => {
                let timer = self.pause.get_or_insert_with(|| Box::pin(sleep(pause)));
                ready!(timer.as_mut().poll(cx));
                self.then = Then::GoOn;
            }
        }
        Poll::Ready(self.rest.take().map(|rest| Ok(Frame::data(rest))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
