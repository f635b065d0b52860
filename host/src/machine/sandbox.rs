//! The limits of the sandbox: how much memory a component may have, and how much it has.

use wasmtime::ResourceLimiter;

/// How many elements the component's tables may have. Its code calls through one table with an entry
/// per function whose address is taken, and never grows it.
const TABLE_ELEMENTS_MAX: usize = 1 << 16;

/// Grants linear memory up to a limit. It is never given back, so what was granted is the peak.
#[derive(Debug)]
pub(super) struct Sandbox {
    limit: usize,
    granted: usize,
}

impl Sandbox {
    /// A sandbox whose memories have at most `limit` bytes together.
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, granted: 0 }
    }

    /// How many bytes of linear memory the component has.
    pub(super) const fn memory_bytes(&self) -> u64 {
        self.granted as u64
    }
}

impl ResourceLimiter for Sandbox {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = self.granted.saturating_add(desired.saturating_sub(current));
        let is_granted = granted <= self.limit && maximum.is_none_or(|most| desired <= most);
        if is_granted {
            self.granted = granted;
        }
        Ok(is_granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX && maximum.is_none_or(|most| desired <= most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_granted_up_to_the_limit_and_counted() {
        let mut sandbox = Sandbox::new(300);
        let mut grow = |current, desired| {
            let is_granted = sandbox.memory_growing(current, desired, None).ok();
            (is_granted, sandbox.memory_bytes())
        };
        assert_eq!(grow(0, 100), (Some(true), 100));
        assert_eq!(grow(100, 301), (Some(false), 100));
        // A second memory.
        assert_eq!(grow(0, 201), (Some(false), 100));
        assert_eq!(grow(0, 200), (Some(true), 300));
        assert_eq!(grow(100, 101), (Some(false), 300));
    }
}
