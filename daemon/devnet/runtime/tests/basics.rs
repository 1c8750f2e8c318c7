//! A block built through the runtime APIs alone, as a node does it.

use btd_devnet_runtime::{GenesisSpec, api, genesis};
use codec::{Decode, Encode};

fn call(method: &str, arguments: &[u8]) -> Vec<u8> {
    api::dispatch(method, arguments).unwrap_or_else(|| panic!("the runtime has no method {method}"))
}

#[test]
fn version_is_the_one_clients_know() {
    let mut externalities = sp_io::TestExternalities::new(genesis(&GenesisSpec::default()).unwrap());
    externalities.execute_with(|| {
        let version = sp_version::RuntimeVersion::decode(&mut &call("Core_version", &[])[..]).unwrap();
        assert_eq!(
            (&*version.spec_name, version.spec_version, version.transaction_version),
            ("node-subtensor", 425, 1)
        );
        let versions = Vec::<u32>::decode(&mut &call("Metadata_metadata_versions", &[])[..]).unwrap();
        assert!(versions.contains(&14) && versions.contains(&15), "metadata versions: {versions:?}");
        let v15 = Option::<Vec<u8>>::decode(&mut &call("Metadata_metadata_at_version", &15u32.encode())[..]).unwrap();
        assert_eq!(&v15.unwrap()[..4], b"meta");
    });
}
