//! The README's two commands are the ones that CI runs, and its example is the one that is tested.

use crate::tree::read;

/// The lines of the README's first block of a language.
fn readme_block(language: &str) -> Vec<String> {
    let readme = read("README.md");
    let fence = format!("```{language}");
    let mut lines = readme.lines().skip_while(|line| *line != fence);
    assert!(lines.next().is_some(), "the README has no block {fence}");
    lines
        .take_while(|line| *line != "```")
        .map(ToOwned::to_owned)
        .collect()
}

/// The lines of the README's first shell block, without comments.
fn readme_commands() -> Vec<String> {
    readme_block("sh")
        .iter()
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn ci_runs_the_two_commands_of_the_readme() {
    let commands = readme_commands();
    assert_eq!(
        commands.len(),
        2,
        "the main job and the tests: {commands:?}"
    );
    let ci = read(".ci/run");
    for command in commands {
        let is_run = ci.lines().any(|line| line.trim().ends_with(&command));
        assert!(is_run, ".ci/run does not run `{command}`");
    }
}

/// From the example's first import to the end of its first function.
#[test]
fn the_readmes_example_is_the_one_that_is_tested() {
    let example = read("host/examples/quickstart.rs");
    let start = example.find("\nuse ").expect("an import") + 1;
    let end = example[start..].find("\n}\n").expect("a function") + "\n}".len();
    let tested: Vec<&str> = example[start..start + end].lines().collect();
    assert_eq!(readme_block("rust"), tested);
    let said = tested.iter().filter(|line| !line.is_empty());
    assert!(said.count() <= 10, "the example has more than ten lines");
}
