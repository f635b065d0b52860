//! What wasmtime makes of the world `client`: typed, synchronous calls.

wasmtime::component::bindgen!({
    world: "client",
    path: "../../wit",
    with: { "wasi": wasmtime_wasi::p2::bindings::sync },
    require_store_data_send: true,
});
