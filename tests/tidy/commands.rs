//! The README's two commands are the ones that CI runs.

use crate::tree::read;

/// The lines of the README's first shell block, without comments.
fn readme_commands() -> Vec<String> {
    let readme = read("README.md");
    let mut lines = readme.lines().skip_while(|line| *line != "```sh");
    assert!(lines.next().is_some(), "the README has no shell block");
    lines
        .take_while(|line| *line != "```")
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
