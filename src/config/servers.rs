//! The entries of `bootstrap.servers`.

use super::{Server, ServerError};

/// Reads one entry of `bootstrap.servers`. A prefix `PLAINTEXT://` is allowed as in Java.
pub(super) fn server(entry: &str) -> Result<Server, ServerError> {
    if entry.is_empty() {
        return Err(ServerError::Empty);
    }
    let address = match entry.split_once("://") {
        None => entry,
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("PLAINTEXT") => rest,
        Some(_) => return Err(ServerError::NotPlaintext),
    };
    let (host, port) = if let Some(rest) = address.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(ServerError::BadHost)?;
        if !host.contains(':') {
            return Err(ServerError::BadHost);
        }
        (host, after.strip_prefix(':').ok_or(ServerError::NoPort)?)
    } else {
        let (host, port) = address.rsplit_once(':').ok_or(ServerError::NoPort)?;
        if host.contains(':') {
            return Err(ServerError::NoBrackets);
        }
        (host, port)
    };
    let is_allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%' | ':');
    if host.is_empty() || !host.chars().all(is_allowed) {
        return Err(ServerError::BadHost);
    }
    // `parse` alone would take a sign.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port > 0);
    Ok(Server {
        host: host.to_owned(),
        port: port.ok_or(ServerError::BadPort)?,
    })
}
