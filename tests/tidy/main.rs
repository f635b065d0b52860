//! The house rules that a tool can check: imports go down, files say what they hold, commands agree.

mod commands;
mod files;
mod imports;
mod tree;
