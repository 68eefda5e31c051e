//! What only shows from outside: real sockets, real files, the real binary.

mod sandbox;
