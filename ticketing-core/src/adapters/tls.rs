//! Which cryptography TLS is done with: ring, the one that is built in.

/// Makes ring what TLS clients of this process use that bring none of their own, such as reqwest's: without it they
/// panic when they are made. To be called before; more than once is no harm.
pub fn use_ring() {
    // Whoever was first has set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
