//! Which events a runtime has, for whoever waits for some.

use super::Runtime;

// === impl Runtime ===

impl Runtime {
    /// Why no event of this pallet and this name can come of this runtime, in words; none where one can, and
    /// where nothing restricts them.
    pub fn no_event(&self, pallet: Option<&str>, event: Option<&str>) -> Option<String> {
        let spec = self.spec_version();
        let pallets = self.metadata().pallets().filter(|one| pallet.is_none_or(|pallet| pallet == one.name()));
        let variants = pallets.flat_map(|one| one.event_variants().unwrap_or_default());
        let events: Vec<&str> = variants.map(|variant| variant.name.as_str()).collect();
        if let (Some(pallet), []) = (pallet, events.as_slice()) {
            return Some(match self.describe(pallet) {
                Err(absent) => absent.to_string(),
                Ok(items) if items.iter().any(|item| item.kind == "method") => {
                    format!("{pallet} is a runtime API of this runtime (spec {spec}), not a pallet: it makes no events")
                }
                Ok(_) => format!("the pallet {pallet} of this runtime (spec {spec}) has no events"),
            });
        }
        let event = event.filter(|event| !events.contains(event))?;
        let whose = pallet.map_or_else(String::new, |pallet| format!(" in {pallet}"));
        let nearest = events.iter().find(|name| name.eq_ignore_ascii_case(event));
        let nearest = nearest.map_or_else(String::new, |name| format!("; nearest: {name}"));
        Some(format!("this runtime (spec {spec}) has no event {event}{whose}{nearest}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::generations::generations;

    #[test]
    fn what_cannot_come_is_told_and_what_can_is_not() {
        let [.., runtime] = generations();
        let no_event = |pallet: Option<&str>, event: Option<&str>| runtime.no_event(pallet, event).unwrap_or_default();
        for (pallet, event) in [
            (None, None),
            (Some("Balances"), None),
            (None, Some("WeightsSet")),
            (Some("SubtensorModule"), Some("WeightsSet")),
        ] {
            assert_eq!(no_event(pallet, event), "", "{pallet:?} {event:?}");
        }
        assert!(no_event(Some("balances"), None).ends_with("nearest: Balances"));
        assert!(no_event(Some("Core"), None).contains("runtime API"));
        assert!(no_event(Some("Aura"), Some("Any")).contains("has no events"));
        assert!(no_event(None, Some("weightsset")).ends_with("nearest: WeightsSet"));
        assert!(no_event(Some("Balances"), Some("WeightsSet")).contains("no event WeightsSet in Balances"));
    }
}
