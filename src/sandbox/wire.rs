//! Connections that can break on request: closed without an answer, reset, or closed in the middle of an answer.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// How a connection breaks at the next answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Break {
    /// It does not.
    Not = 0,
    /// It is closed before the answer.
    Close = 1,
    /// It is reset before the answer.
    Reset = 2,
    /// It is closed in the middle of the answer's body.
    Half = 3,
}

/// What a request tells the connection on which it came.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<AtomicU8>);

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

/// The listener whose connections can break.
#[derive(Debug)]
pub(super) struct Door(pub(super) TcpListener);

impl Line {
    /// Breaks the connection at the next answer.
    pub(super) fn break_at_answer(&self, how: Break) {
        self.0.store(how as u8, Ordering::Release);
    }

    /// How the connection is to break.
    fn how(&self) -> Break {
        match self.0.load(Ordering::Acquire) {
            1 => Break::Close,
            2 => Break::Reset,
            3 => Break::Half,
            _ => Break::Not,
        }
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // An answer is small and must not wait for the next one to fill a packet.
        drop(stream.set_nodelay(true));
        (Wire { stream, line: Line(Arc::new(AtomicU8::new(Break::Not as u8))) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}

impl Wire {
    /// Writes the head of an answer and half of its body. The answers that are halved are short: they come at once.
    fn write_half(&mut self, context: &mut Context<'_>, answer: &[u8]) -> Poll<io::Result<usize>> {
        let end_of_head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
        let most = end_of_head + (answer.len() - end_of_head) / 2;
        let half = answer.get(..most.max(1)).unwrap_or(answer);
        let written = Pin::new(&mut self.stream).poll_write(context, half);
        if written.is_ready() {
            self.line.break_at_answer(Break::Close);
        }
        written
    }

    /// Makes the system reset the connection when it is dropped, which follows the error.
    fn reset(&self) -> io::Error {
        match self.stream.set_zero_linger() {
            Ok(()) => io::ErrorKind::ConnectionReset.into(),
            Err(error) => error,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.line.how() {
            Break::Not => Pin::new(&mut self.stream).poll_write(context, bytes),
            Break::Close => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Break::Reset => Poll::Ready(Err(self.reset())),
            Break::Half => self.write_half(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.line.how() == Break::Not {
            return Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        }
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.poll_write(context, &whole)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
