//! Files with many links: the work grows with their number, not with the number of pairs.

use std::fmt::Write;

use super::super::expression::COMPILED;
use super::*;

/// Links from a cluster each to one cluster, with these keys each; `{}` is the link's number.
fn star(links: usize, keys: &str) -> String {
    let mut text = "[clusters.hub]\nbootstrap_servers = [\"hub:1\"]\n".to_owned();
    for number in 0..links {
        let keys = keys.replace("{}", &number.to_string());
        write!(
            text,
            "[clusters.c{number}]\nbootstrap_servers = [\"c{number}:1\"]\n\
             [links.l{number}]\nsource = \"c{number}\"\ntarget = \"hub\"\n{keys}\n"
        )
        .unwrap();
    }
    text
}

/// How many expressions are compiled for a file.
fn compiled(text: &str) -> usize {
    let before = COMPILED.get();
    parse(text, &|_| None).unwrap_or_else(|problems| panic!("{problems:?}"));
    COMPILED.get() - before
}

#[test]
fn each_expression_is_compiled_once_however_many_links_there_are() {
    for keys in [
        "topics = [\"orders-{}\", \"eu-{}\\\\..*\"]\ntopics_exclude = [\"eu-{}\\\\.test\"]\ngroups = [\"g\"]",
        "topics = [\"orders-{}\", \".*-{}\", \"x{}.*\"]\nnaming = \"prefix\"\ngroups = [\"g\"]",
    ] {
        for links in [1, 10, 100] {
            assert_eq!(compiled(&star(links, keys)), 4 * links, "{keys}");
        }
    }
}
