//! The seeded network and clock, and what drives the machine through them.
