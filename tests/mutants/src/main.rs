//! Breaks the core in ten ways, one after the other: each must fail a test, or the tests have lost their teeth.
//!
//! `cargo run -p odradek-tests-mutants`

mod ten;
mod tree;

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::time::Instant;
use ten::TEN;
use tree::Tree;

/// The tests that judge, as `.cargo/mutants.toml` names them.
const TESTS: [&str; 12] = [
    "--profile",
    "mutants",
    "-p",
    "odradek",
    "-p",
    "odradek-tests-sim",
    "--lib",
    "--test",
    "machine",
    "--test",
    "seeds",
    "--locked",
];

/// How many seeds of the simulation judge.
const SEEDS: &str = "40";

/// What became of a mutant.
enum Fate {
    Noticed,
    Unnoticed,
    /// The compiler refuses it: what it says.
    Unviable(String),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all of them are noticed, and the core as it is passes.
fn run() -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = root.join("target/mutants");
    let tree = Tree::copy(&root, &target.join("tree"))?;
    let judge = || judge(tree.path(), &target.join("build"));
    let mut all_is_well = tell("the core as it is", &judge, &Fate::is_unnoticed)?;
    for one in &TEN {
        let judge = || tree.with(one.file, one.original, one.mutant, judge)?;
        all_is_well &= tell(one.name, &judge, &Fate::is_noticed)?;
    }
    Ok(all_is_well)
}

/// Judges, and says what came of it and whether that is well.
fn tell(
    name: &str,
    judge: &dyn Fn() -> io::Result<Fate>,
    is_well: &dyn Fn(&Fate) -> bool,
) -> io::Result<bool> {
    let start = Instant::now();
    let fate = judge()?;
    let seconds = start.elapsed().as_secs();
    let is_well = is_well(&fate);
    let (mark, what) = match (is_well, &fate) {
        (true, _) => ("ok", ""),
        (false, Fate::Noticed) => ("FAILED", ": a test fails"),
        (false, Fate::Unnoticed) => ("FAILED", ": no test fails"),
        (false, Fate::Unviable(why)) => ("FAILED", why.as_str()),
    };
    writeln!(io::stderr(), "{name} ... {mark} in {seconds} s{what}")?;
    Ok(is_well)
}

fn judge(tree: &Path, target: &Path) -> io::Result<Fate> {
    let built = test(tree, target, &["--no-run"])?;
    if !built.status.success() {
        let why = String::from_utf8_lossy(&built.stderr);
        return Ok(Fate::Unviable(format!(": it does not compile\n{why}")));
    }
    let passed = test(tree, target, &[])?.status.success();
    Ok(if passed {
        Fate::Unnoticed
    } else {
        Fate::Noticed
    })
}

fn test(tree: &Path, target: &Path, more: &[&str]) -> io::Result<Output> {
    Command::new(env!("CARGO"))
        .arg("test")
        .args(TESTS)
        .args(more)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .env("ODRADEK_SEEDS", SEEDS)
        .output()
}

impl Fate {
    fn is_noticed(&self) -> bool {
        matches!(self, Self::Noticed)
    }

    fn is_unnoticed(&self) -> bool {
        matches!(self, Self::Unnoticed)
    }
}
