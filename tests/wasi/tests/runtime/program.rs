//! The program that the tests of the runtimes run: it does what its first argument says.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (what, rest) = arguments.split_first().expect("the test says what to do");
    let result = match what.as_str() {
        "arguments" => writeln!(std::io::stdout(), "{rest:?}"),
        "copy" => std::io::copy(&mut std::io::stdin(), &mut std::io::stdout()).map(|_| ()),
        "write" => write(rest[0].parse().expect("a number of bytes")),
        "read" => read(&rest[0]),
        "connect" => std::net::TcpStream::connect(&rest[0]).map(|_| ()),
        _ => panic!("{what}"),
    };
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let _ = writeln!(std::io::stderr(), "{:?}", error.kind());
    ExitCode::FAILURE
}

fn write(count: usize) -> std::io::Result<()> {
    let piece = [b'w'; 1000];
    for _ in 0..count / piece.len() {
        std::io::stdout().write_all(&piece)?;
    }
    std::io::stdout().flush()
}

fn read(path: &str) -> std::io::Result<()> {
    let mut text = String::new();
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    write!(std::io::stdout(), "{text}")
}
