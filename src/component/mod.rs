//! The component adapters, one file per world: the only files that know wit-bindgen.
//!
//! They convert between the types of `wit/` and those of the core and decide nothing.

mod engine;
mod types;

/// What wit-bindgen makes of the world `engine`.
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
