//! How records write a network down.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::NetConfig;

/// Keys of single banks that records have whatever the bank is, with what stands there for the others: runs are known by the hash of
/// their record, so that this layout stays. Keys of other banks follow at the end, where they are the bank's.
fn kept() -> [(&'static str, Value); 3] {
    [("mimics", json!("p4")), ("scramble", json!("joint")), ("keep", json!(0.5))]
}

/// Whether a bank has gained this key since records with its hash were made, and has it at what it was before: it's left out then.
fn is_later_default(bank: &str, key: &str, value: &Value) -> bool {
    [("repeat-swish", "start", "published")].contains(&(bank, key, value.as_str().unwrap_or_default()))
}

impl Serialize for NetConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut own = self.bank.keys();
        let [mimics, scramble, keep] = kept().map(|(key, other)| (key, own.remove(key).unwrap_or(other)));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("skeleton", &self.skeleton)?;
        map.serialize_entry("bank", self.bank.name())?;
        map.serialize_entry("widths", &self.widths)?;
        map.serialize_entry("scale", &self.scale)?;
        map.serialize_entry("maps", &self.maps)?;
        // Younger than records with its hash.
        if !self.filters_of.is_empty() {
            map.serialize_entry("filters_of", &self.filters_of)?;
        }
        map.serialize_entry("group_pooling", &self.group_pooling)?;
        map.serialize_entry("pool_every_layer", &self.pool_every_layer)?;
        for (key, value) in [mimics, scramble] {
            map.serialize_entry(key, &value)?;
        }
        map.serialize_entry("scramble_seed", &self.scramble_seed)?;
        map.serialize_entry(keep.0, &keep.1)?;
        map.serialize_entry("dropout", &self.dropout)?;
        // Younger than records with its hash.
        if self.bias {
            map.serialize_entry("bias", &true)?;
        }
        map.serialize_entry("norm", &self.norm)?;
        map.serialize_entry("initialisation", &self.initialisation)?;
        for (key, value) in own.iter().filter(|(key, value)| !is_later_default(self.bank.name(), key, value)) {
            // As an option, which TOML leaves out: it has no null.
            map.serialize_entry(key, &(!value.is_null()).then_some(value))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{RESERVED_KEYS, RESERVED_NAMES, RepeatDrop, Scramble, Scrambled, family};
    use crate::group::Symmetry;
    use crate::model::presets;

    #[test]
    fn networks_are_read_as_they_were_written() {
        let scrambled = Scrambled { mimics: Symmetry::P4M, scramble: Scramble::Positions };
        let drop = RepeatDrop { keep: 0.3 };
        let mut nets: Vec<NetConfig> = presets().iter().filter_map(|name| NetConfig::preset(name)).collect();
        for bank in [scrambled.into(), drop.into()] {
            nets.push(NetConfig { bank, scramble_seed: 7, maps: Some(vec![3; 6]), ..nets[0].clone() });
        }
        for net in nets {
            let json = serde_json::to_string(&net).unwrap();
            assert_eq!(serde_json::from_str::<NetConfig>(&json).unwrap(), net);
        }
    }

    #[test]
    fn no_bank_can_have_a_key_or_a_name_of_all_networks() {
        let net = NetConfig::preset("p4").unwrap();
        let json = serde_json::to_value(&net).unwrap();
        let of_banks = kept().map(|(key, _)| key);
        for key in json.as_object().unwrap().keys().filter(|key| !of_banks.contains(&key.as_str())) {
            assert!(RESERVED_KEYS.contains(&key.as_str()), "{key}");
        }
        let presets = presets();
        let others = presets.iter().map(String::as_str).filter(|name| family(name).is_none());
        assert!(others.eq(RESERVED_NAMES), "{presets:?}");
    }

    #[test]
    fn a_record_has_the_layout_that_hashes_were_taken_of() {
        let written =
            r#"{"skeleton":"cohen2016","bank":"repeat-drop","widths":[20,20,20,20,20,20],"scale":2,"maps":null,"#
                .to_owned()
                + r#""group_pooling":"max","pool_every_layer":false,"mimics":"p4","scramble":"joint","scramble_seed":3,"#
                + r#""keep":0.25,"dropout":0.0,"norm":"field","initialisation":"fan-in"}"#;
        let net: NetConfig = serde_json::from_str(&written).unwrap();
        assert_eq!(net.bank.get(), Some(&RepeatDrop { keep: 0.25 }));
        assert_eq!(serde_json::to_string(&net).unwrap(), written);
        let refused = |from: &str, to: &str| {
            serde_json::from_str::<NetConfig>(&written.replace(from, to)).unwrap_err().to_string()
        };
        assert!(refused("\"repeat-drop\"", "\"repeat-dorp\"").contains("random-mask"));
        assert!(refused("\"mimics\"", "\"mimes\"").contains("`mimes`"));
        assert!(refused("0.25", "\"0.25\"").contains("expected a number"));
        assert!(refused("\"joint\"", "\"positions\"").contains("repeat-drop has no such key"));
    }
}
