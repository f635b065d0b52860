//! The component adapters, one file per world: the only files that know wit-bindgen.
//!
//! They convert between the types of `wit/` and those of the core and decide nothing.

#[cfg(all(feature = "client", feature = "engine"))]
compile_error!("a component has one world: enable the feature `client` or `engine`, not both");

#[cfg(feature = "client")]
mod client;
#[cfg(all(feature = "engine", not(feature = "client")))]
mod engine;
mod metrics;
mod transaction;
mod types;

/// What wit-bindgen makes of the world `client`.
#[cfg(feature = "client")]
#[expect(
    unsafe_code,
    reason = "the canonical ABI passes pointers into linear memory; all of it is generated"
)]
mod bindings {
    use super::client::ClientComponent;

    wit_bindgen::generate!({
        world: "client",
        path: "wit",
        with: { "wasi:io/poll@0.2.12": ::wasi::io::poll },
    });

    export!(ClientComponent);
}

/// What wit-bindgen makes of the world `engine`.
#[cfg(all(feature = "engine", not(feature = "client")))]
#[expect(
    unsafe_code,
    reason = "the canonical ABI passes pointers into linear memory; all of it is generated"
)]
mod bindings {
    use super::engine::EngineComponent;

    wit_bindgen::generate!({
        world: "engine",
        path: "wit",
    });

    export!(EngineComponent);
}
