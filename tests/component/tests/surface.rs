//! The engine component from outside: what it imports and exports, and how large it is.

use odradek::Instant;
use odradek_host::machine::{Backend, ENGINE_COMPONENT, OpenError, open};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// The largest component that is acceptable, in bytes. Raise it only with a reason. About 420 KB are codecs, half of
/// that zstd's encoder, which has a copy of its search for each kind of level; about 80 KB are transactions.
const SIZE_LIMIT: usize = 1_010_000;

fn pairs(properties: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    properties.iter().map(owned).collect()
}

#[test]
fn the_engine_imports_nothing_and_exports_its_two_interfaces() {
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::from_binary(&engine, ENGINE_COMPONENT).expect("it compiles");
    let surface = component.component_type();
    let imports: Vec<&str> = surface.imports(&engine).map(|(name, _)| name).collect();
    let exports: Vec<&str> = surface.exports(&engine).map(|(name, _)| name).collect();
    assert!(imports.is_empty(), "{imports:?}");
    assert_eq!(
        exports,
        ["odradek:kafka/types@0.1.0", "odradek:kafka/machine@0.1.0"]
    );
}

#[test]
fn the_engine_is_small() {
    let size = ENGINE_COMPONENT.len();
    eprintln!("the engine component has {size} bytes");
    assert!(
        size <= SIZE_LIMIT,
        "{size} bytes are more than {SIZE_LIMIT}"
    );
}

#[test]
fn a_refused_configuration_is_the_same_error_behind_both_machines() {
    let properties = pairs(&[("bootstrap.servers", "localhost:9092"), ("linger", "1")]);
    let refusal = |backend| open(backend, &properties, 1, Instant::ZERO).err();
    let native = refusal(Backend::Native);
    assert!(matches!(native, Some(OpenError::Config(_))), "{native:?}");
    assert_eq!(refusal(Backend::Component), native);
}

#[test]
fn a_buffer_beyond_the_reach_of_a_component_is_refused_with_both_sizes() {
    let properties = pairs(&[
        ("bootstrap.servers", "localhost:9092"),
        ("buffer.memory", "3000000000"),
    ]);
    let refusal = open(Backend::Component, &properties, 1, Instant::ZERO).err();
    let expected = OpenError::BufferTooLarge {
        buffer_memory: 3_000_000_000,
        limit: 2_139_095_040,
    };
    assert_eq!(refusal, Some(expected));
    assert!(open(Backend::Native, &properties, 1, Instant::ZERO).is_ok());
}

#[test]
fn opening_a_component_says_what_it_cost() {
    let properties = pairs(&[("bootstrap.servers", "localhost:9092")]);
    let opened = open(Backend::Component, &properties, 1, Instant::ZERO).expect("it opens");
    let cost = opened.component.expect("a component has a cost");
    eprintln!("{cost:?}");
    assert_eq!(cost.bytes, ENGINE_COMPONENT.len());
    assert_eq!(opened.machine.calls(), 1);
}
