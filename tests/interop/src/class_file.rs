//! The test methods that a compiled Java class holds.
//!
//! The layout is that of the Java Virtual Machine Specification, chapter 4. Reflection would need the
//! libraries of Kafka's tests; the file names its methods and their annotations without them.

use std::collections::BTreeSet;

/// The annotations that make a method a test.
const TEST_ANNOTATIONS: [&str; 5] = [
    "Lorg/junit/jupiter/api/Test;",
    "Lorg/junit/jupiter/api/RepeatedTest;",
    "Lorg/junit/jupiter/api/TestFactory;",
    "Lorg/junit/jupiter/api/TestTemplate;",
    "Lorg/junit/jupiter/params/ParameterizedTest;",
];

/// The names of the methods in a class file that JUnit runs.
///
/// # Panics
///
/// If it is no class file.
#[must_use]
pub fn test_methods(class: &[u8]) -> BTreeSet<String> {
    let mut file = Cursor(class);
    assert_eq!(file.u4(), 0xcafe_babe, "a class file begins so");
    file.skip(4);
    let constants = constants(&mut file);
    // Access flags, this class, its parent; then the interfaces.
    file.skip(6);
    let interfaces = file.u2();
    file.skip(2 * interfaces);
    let _fields = members(&mut file, &constants);
    let methods = members(&mut file, &constants).into_iter();
    methods
        .filter(|method| {
            let mut annotations = method.annotations.iter();
            annotations.any(|name| TEST_ANNOTATIONS.contains(&name.as_str()))
        })
        .map(|method| method.name)
        .collect()
}

/// A field or a method.
struct Member {
    name: String,
    /// Types of the annotations, as descriptors.
    annotations: Vec<String>,
}

fn members(file: &mut Cursor<'_>, constants: &[String]) -> Vec<Member> {
    let mut members = Vec::new();
    for _ in 0..file.u2() {
        file.skip(2);
        let name = constants[file.u2()].clone();
        file.skip(2);
        let mut annotations = Vec::new();
        for _ in 0..file.u2() {
            let attribute = &constants[file.u2()];
            let length = file.u4() as usize;
            let mut content = Cursor(file.take(length));
            if attribute == "RuntimeVisibleAnnotations" {
                for _ in 0..content.u2() {
                    annotations.push(annotation(&mut content, constants));
                }
            }
        }
        members.push(Member { name, annotations });
    }
    members
}

/// Reads one annotation and gives its type.
fn annotation(content: &mut Cursor<'_>, constants: &[String]) -> String {
    let name = constants[content.u2()].clone();
    for _ in 0..content.u2() {
        content.skip(2);
        skip_element(content, constants);
    }
    name
}

fn skip_element(content: &mut Cursor<'_>, constants: &[String]) {
    match content.u1() {
        b'e' => content.skip(4),
        b'@' => {
            annotation(content, constants);
        }
        b'[' => {
            for _ in 0..content.u2() {
                skip_element(content, constants);
            }
        }
        _ => content.skip(2),
    }
}

/// The constant pool: the text of each entry, empty where it is no text. Entries count from 1.
fn constants(file: &mut Cursor<'_>) -> Vec<String> {
    let count = file.u2();
    let mut constants = vec![String::new()];
    while constants.len() < count {
        let mut text = String::new();
        let mut places = 1;
        match file.u1() {
            1 => {
                let length = file.u2();
                text = String::from_utf8_lossy(file.take(length)).into_owned();
            }
            7 | 8 | 16 | 19 | 20 => file.skip(2),
            15 => file.skip(3),
            3 | 4 | 9..=12 | 17 | 18 => file.skip(4),
            // Numbers of eight bytes take two places.
            5 | 6 => {
                file.skip(8);
                places = 2;
            }
            tag => panic!("no constant begins with {tag}"),
        }
        constants.push(text);
        constants.resize(constants.len() + places - 1, String::new());
    }
    constants
}

/// What is left of a file. Numbers are big-endian.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, length: usize) {
        let _ = self.take(length);
    }

    fn u1(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u2(&mut self) -> usize {
        usize::from(self.u1()) << 8 | usize::from(self.u1())
    }

    fn u4(&mut self) -> u32 {
        let bytes = self.take(4);
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}
