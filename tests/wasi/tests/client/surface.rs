//! What the component imports and exports, and how large it is.

use odradek_host::CLIENT_COMPONENT;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// The largest component that is acceptable, in bytes. Raise it only with a reason. About 420 KB are codecs, half of
/// that zstd's encoder, which has a copy of its search for each kind of level; about 80 KB are transactions.
const SIZE_LIMIT: usize = 1_060_000;

#[test]
fn the_client_imports_sockets_clocks_and_chance_and_exports_its_three_interfaces() {
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::from_binary(&engine, CLIENT_COMPONENT).expect("it compiles");
    let surface = component.component_type();
    let mut imports: Vec<&str> = surface.imports(&engine).map(|(name, _)| name).collect();
    imports.sort_unstable();
    let exports: Vec<&str> = surface.exports(&engine).map(|(name, _)| name).collect();
    assert_eq!(
        imports,
        [
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:clocks/wall-clock@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:random/random@0.2.12",
            "wasi:sockets/instance-network@0.2.12",
            "wasi:sockets/ip-name-lookup@0.2.12",
            "wasi:sockets/network@0.2.12",
            "wasi:sockets/tcp-create-socket@0.2.12",
            "wasi:sockets/tcp@0.2.12",
        ]
    );
    assert_eq!(
        exports,
        [
            "odradek:kafka/types@0.1.0",
            "odradek:kafka/producer@0.1.0",
            "odradek:kafka/producer-poll@0.1.0"
        ]
    );
}

#[test]
fn the_client_is_small() {
    let size = CLIENT_COMPONENT.len();
    eprintln!("the client component has {size} bytes");
    assert!(
        size <= SIZE_LIMIT,
        "{size} bytes are more than {SIZE_LIMIT}"
    );
}
