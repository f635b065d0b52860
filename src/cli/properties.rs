//! Puts the producer's properties together from `-F`, `-X` and `-b`.

use crate::cli::args::ConnectionArgs;
use crate::config::{Config, Note, PropertiesError, parse_properties};
use core::fmt;
use std::path::{Path, PathBuf};

/// What the arguments say about the producer, checked.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The properties as pairs of text.
    pub pairs: Vec<(String, String)>,
    /// What they mean.
    pub config: Config,
    /// What is worth knowing about them.
    pub notes: Vec<Note>,
}

/// Reads and checks the properties that the arguments name.
///
/// # Errors
///
/// What is wrong with the arguments, for people to read.
pub fn configure(arguments: &ConnectionArgs) -> Result<Configured, String> {
    let servers = arguments.bootstrap_servers.as_deref();
    let pairs = merge(&arguments.properties_files, &arguments.settings, servers);
    let pairs = pairs.map_err(|error| error.to_string())?;
    let borrowed = pairs
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let (config, notes) = Config::from_properties(borrowed).map_err(|error| error.to_string())?;
    Ok(Configured {
        pairs,
        config,
        notes,
    })
}

/// Why a properties file cannot be used.
#[derive(Debug)]
pub struct PropertiesFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: PropertiesFileErrorKind,
}

/// What can be wrong with a properties file.
#[derive(Debug)]
pub enum PropertiesFileErrorKind {
    /// It cannot be read.
    Read(std::io::Error),
    /// It is neither UTF-8 nor free of bytes beyond ASCII.
    NotUtf8,
    /// An entry cannot be read.
    Entry(PropertiesError),
}

/// Puts properties together: first the files in order, then the single settings in order, then the
/// servers. Of several values for one key the last one counts.
///
/// # Errors
///
/// The first file that cannot be used.
pub fn merge(
    files: &[PathBuf],
    settings: &[(String, String)],
    bootstrap_servers: Option<&str>,
) -> Result<Vec<(String, String)>, PropertiesFileError> {
    let mut pairs = Vec::new();
    for path in files {
        let entries = read_file(path).map_err(|kind| PropertiesFileError {
            path: path.clone(),
            kind,
        })?;
        pairs.extend(entries);
    }
    pairs.extend_from_slice(settings);
    if let Some(servers) = bootstrap_servers {
        pairs.push(("bootstrap.servers".to_owned(), servers.to_owned()));
    }
    Ok(pairs)
}

/// Takes `KEY=VALUE` apart at the first `=`.
///
/// # Errors
///
/// When there is no `=` or no key before it.
pub fn parse_setting(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write KEY=VALUE"),
    }
}

fn read_file(path: &Path) -> Result<Vec<(String, String)>, PropertiesFileErrorKind> {
    let bytes = std::fs::read(path).map_err(PropertiesFileErrorKind::Read)?;
    let text = String::from_utf8(bytes).map_err(|_| PropertiesFileErrorKind::NotUtf8)?;
    parse_properties(&text).map_err(PropertiesFileErrorKind::Entry)
}

impl fmt::Display for PropertiesFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.kind {
            PropertiesFileErrorKind::Read(error) => error.fmt(f),
            PropertiesFileErrorKind::NotUtf8 => f.write_str("the file is not UTF-8"),
            PropertiesFileErrorKind::Entry(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PropertiesFileError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_setting_is_split_at_its_first_equals_sign() {
        assert_eq!(parse_setting("acks=1"), Ok(pair("acks", "1")));
        assert_eq!(parse_setting("a=b=c"), Ok(pair("a", "b=c")));
        assert_eq!(parse_setting("a="), Ok(pair("a", "")));
        assert!(parse_setting("=b").is_err());
        assert!(parse_setting("acks").is_err());
    }

    #[test]
    fn settings_follow_files_and_servers_come_last() {
        let path = std::env::temp_dir().join(format!("odradek-{}.properties", std::process::id()));
        let text = "bootstrap.servers=file:1\nlinger.ms = 3\n";
        std::fs::write(&path, text).expect("the temporary folder is writable");
        let settings = [pair("linger.ms", "4"), pair("linger.ms", "5")];
        let merged = merge(core::slice::from_ref(&path), &settings, Some("b:2"));
        std::fs::remove_file(&path).expect("the file was just written");
        let expected = vec![
            pair("bootstrap.servers", "file:1"),
            pair("linger.ms", "3"),
            pair("linger.ms", "4"),
            pair("linger.ms", "5"),
            pair("bootstrap.servers", "b:2"),
        ];
        assert_eq!(merged.expect("the file is valid"), expected);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let path = PathBuf::from("/nonexistent/producer.properties");
        let error = merge(&[path], &[], None).expect_err("there is no such file");
        assert!(
            error
                .to_string()
                .starts_with("/nonexistent/producer.properties: ")
        );
    }
}
