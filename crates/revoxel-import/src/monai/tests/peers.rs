//! What transforms say of their peers fits together.

use revoxel_transforms::manual::parameters;
use revoxel_transforms::peers::{Argument, Program};

use super::*;

#[test]
fn a_peer_is_found_by_its_name() {
    let registry = everything();
    for transform in registry.iter() {
        for peer in transform.peers.iter().filter(|peer| !peer.name.is_empty()) {
            let found = registry.called(peer.name);
            assert!(found.iter().any(|t| t.name == transform.name), "{}: {}", transform.name, peer.name);
        }
    }
}

#[test]
fn a_transform_of_monai_becomes_one_step() {
    let registry = everything();
    let mut found = Vec::new();
    for transform in registry.iter() {
        for peer in transform.peers.iter().filter(|peer| peer.imported) {
            assert_eq!(peer.program, Program::Monai, "{}", transform.name);
            assert!(peer.name.ends_with('d') && !found.contains(&peer.name), "{}: {}", transform.name, peer.name);
            found.push(peer.name);
        }
    }
    assert!(found.len() > 70, "{found:?}");
}

#[test]
fn what_peers_lead_to_is_a_parameter() {
    for transform in everything().iter() {
        let known: Vec<String> = parameters(transform).into_iter().map(|parameter| parameter.name).collect();
        let is_known = |name: &str| assert!(known.iter().any(|k| k == name), "{}: {name}", transform.name);
        for peer in transform.peers {
            peer.arguments().filter_map(|argument| argument.ours()).for_each(is_known);
            let fixed = peer.others.iter().filter_map(|argument| match argument {
                Argument::Fixed(_, value) => Some(*value),
                _ => None,
            });
            let ignored = peer.ignored.iter().flat_map(|(_, values)| values.iter().copied());
            let always = peer.always.iter().map(|(parameter, value)| {
                is_known(parameter);
                *value
            });
            for value in fixed.chain(ignored).chain(always) {
                assert!(serde_json::from_str::<Value>(value).is_ok(), "{}: {value}", transform.name);
            }
            let mut names: Vec<&str> = peer.arguments().map(|argument| argument.theirs()).collect();
            names.extend(peer.ignored.iter().map(|(name, _)| *name));
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{}: {names:?}", transform.name);
        }
    }
}
