//! The engine component that this crate carries: its bytes, and its compiled form.

use super::bindings::EnginePre;
use super::sandbox::Sandbox;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

/// The engine component: world `engine` of `wit/`, without imports. Any component-model host can load
/// it.
pub const ENGINE_COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/engine.wasm"));

/// What the component costs before its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentInfo {
    /// Size of the component in bytes.
    pub bytes: usize,
    /// How long its compilation took, once per process.
    pub compile: Duration,
    /// How long this producer's instantiation took.
    pub instantiate: Duration,
}

/// The component compiled and linked, which takes no more than instantiation to become a producer.
pub(super) struct CompiledEngine {
    pub(super) pre: EnginePre<Sandbox>,
    pub(super) compile: Duration,
}

/// The component compiled for this process, by the first who asks.
///
/// # Errors
///
/// wasmtime's description of what it cannot compile or link; it stays the same for the whole process.
pub(super) fn compiled() -> Result<&'static CompiledEngine, Arc<str>> {
    static COMPILED: OnceLock<Result<CompiledEngine, Arc<str>>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| compile().map_err(|error| format!("{error:#}").into()));
    compiled.as_ref().map_err(Arc::clone)
}

fn compile() -> wasmtime::Result<CompiledEngine> {
    let start = Instant::now();
    let mut config = Config::new();
    // The component is synchronous; without this every call would pass an event loop.
    config.concurrency_support(false);
    let engine = Engine::new(&config)?;
    let component = Component::from_binary(&engine, ENGINE_COMPONENT)?;
    // Nothing is defined: the component has no imports, and one that had would not link.
    let pre = EnginePre::new(Linker::new(&engine).instantiate_pre(&component)?)?;
    Ok(CompiledEngine {
        pre,
        compile: start.elapsed(),
    })
}
