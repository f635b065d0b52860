//! What wasmtime makes of the world `engine`: typed, synchronous calls.

wasmtime::component::bindgen!({
    world: "engine",
    path: "../wit",
});
