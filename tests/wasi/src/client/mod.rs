//! The client component in wasmtime's stock implementation of WASI 0.2.
//!
//! Calls are synchronous and must not be made on a thread of a tokio runtime: WASI's blocking calls wait
//! on wasmtime-wasi's own one.

#[expect(missing_docs, reason = "generated from the documented WIT")]
mod bindings;

pub use bindings::exports::odradek::kafka::producer::{
    Flushing, Opened, Operating, Progress, Taken,
};
pub use bindings::exports::odradek::kafka::types;

use crate::policy::Policy;
use bindings::exports::odradek::kafka::{producer, producer_poll};
use odradek_host::CLIENT_COMPONENT;
use std::sync::OnceLock;
use wasmtime::component::{Component, Linker, Resource, ResourceAny, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// What the store of an instance holds.
pub struct Host {
    context: WasiCtx,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.context,
            table: &mut self.table,
        }
    }
}

/// An instance of the client component. Every call may end in a trap, after which all do.
pub struct Instance {
    store: Store<Host>,
    client: bindings::Client,
}

/// A producer within an [`Instance`]; dropped with [`Instance::drop_producer`] or with the instance.
pub type Producer = ResourceAny;

/// What a producer waits for; to be given to [`Instance::poll_and_drop`] or [`Instance::drop_pollables`].
pub type Pollables = Vec<Resource<DynPollable>>;

/// The most linear memory that an instance gets unless told otherwise: 2 x `buffer.memory` + 16 MiB.
pub const MEMORY_BYTES: usize = 2 * (32 << 20) + (16 << 20);

fn compiled() -> &'static bindings::ClientPre<Host> {
    static COMPILED: OnceLock<bindings::ClientPre<Host>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let engine = Engine::new(&Config::new()).expect("wasmtime starts");
        let component = Component::from_binary(&engine, CLIENT_COMPONENT).expect("it compiles");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("WASI has no name twice");
        let linked = linker.instantiate_pre(&component);
        bindings::ClientPre::new(linked.expect("WASI has all imports")).expect("it is the world")
    })
}

impl Instance {
    /// An instance in a host with this policy.
    ///
    /// # Panics
    ///
    /// If the component cannot be compiled, linked or started.
    pub fn new(policy: &Policy) -> Self {
        Self::with_memory(policy, MEMORY_BYTES)
    }

    /// The same with at most so many bytes of linear memory.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_memory(policy: &Policy, memory_bytes: usize) -> Self {
        let compiled = compiled();
        let host = Host {
            context: policy.context().build(),
            table: ResourceTable::new(),
            limits: StoreLimitsBuilder::new().memory_size(memory_bytes).build(),
        };
        let mut store = Store::new(compiled.engine(), host);
        store.limiter(|host| &mut host.limits);
        let client = compiled.instantiate(&mut store).expect("it starts");
        Self { store, client }
    }

    /// Opens a producer.
    ///
    /// # Errors
    ///
    /// A trap outside, a refused configuration inside.
    pub fn open(
        &mut self,
        properties: &[(&str, &str)],
    ) -> wasmtime::Result<Result<Opened, producer::ConfigError>> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let properties: Vec<(String, String)> = properties.iter().map(owned).collect();
        let (producer, store) = self.producer();
        producer.call_open(store, &properties)
    }

    /// The resource's methods and what they need first.
    pub fn producer(&mut self) -> (producer::GuestProducer<'_>, &mut Store<Host>) {
        (
            self.client.odradek_kafka_producer().producer(),
            &mut self.store,
        )
    }

    /// The functions for callers that must not block, and what they need first.
    pub fn poll(&mut self) -> (&producer_poll::Guest, &mut Store<Host>) {
        (self.client.odradek_kafka_producer_poll(), &mut self.store)
    }

    /// Blocks until one of the pollables is ready, as a caller in the same host would; drops them all.
    ///
    /// # Errors
    ///
    /// What WASI has against it.
    pub fn poll_and_drop(&mut self, pollables: Pollables) -> wasmtime::Result<Vec<u32>> {
        use wasmtime_wasi::p2::bindings::sync::io::poll::Host as _;
        let table = &mut self.store.data_mut().table;
        let borrowed = pollables
            .iter()
            .map(|pollable| Resource::new_borrow(pollable.rep()))
            .collect();
        let ready = table.poll(borrowed)?;
        self.drop_pollables(pollables)?;
        Ok(ready)
    }

    /// Drops pollables without waiting.
    ///
    /// # Errors
    ///
    /// What WASI has against it.
    pub fn drop_pollables(&mut self, pollables: Pollables) -> wasmtime::Result<()> {
        use wasmtime_wasi::p2::bindings::sync::io::poll::HostPollable;
        for pollable in pollables {
            HostPollable::drop(&mut self.store.data_mut().table, pollable)?;
        }
        Ok(())
    }

    /// Drops a producer.
    ///
    /// # Errors
    ///
    /// A trap.
    pub fn drop_producer(&mut self, producer: Producer) -> wasmtime::Result<()> {
        producer.resource_drop(&mut self.store)
    }
}
