//! The shape of a JSON-RPC method and of a subscription.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::Role;

/// One JSON-RPC method: implemented by a type that is never instantiated.
///
/// Parameters are a struct; a caller may send them by name, or by position in the order of the
/// struct's fields. Unknown names are refused.
pub trait Method: 'static {
    /// `<noun>_<verb>`, with the CLI's own nouns and verbs.
    const NAME: &'static str;
    /// One sentence for people.
    const SUMMARY: &'static str;
    /// The right it asks of the caller.
    const ROLE: Role;
    /// What is sent.
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// What comes back.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
}

/// A JSON-RPC subscription: notifications until the caller ends it or the daemon stops.
pub trait Subscription: 'static {
    /// The method that begins it.
    const NAME: &'static str;
    /// The method that ends it.
    const UNSUBSCRIBE: &'static str;
    /// The method name that its notifications carry.
    const NOTIFICATION: &'static str;
    /// One sentence for people.
    const SUMMARY: &'static str;
    /// The right it asks of the caller.
    const ROLE: Role;
    /// What is sent.
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// What each notification carries.
    type Item: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
}

/// Declares methods of a noun: `Type = "name" (Role): Params => Reply;`, the doc being the summary.
macro_rules! methods {
    ($($(#[doc = $doc:literal])+ $type:ident = $name:literal ($role:ident): $params:ty => $reply:ty;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug)]
            pub enum $type {}

            impl $crate::Method for $type {
                const NAME: &'static str = $name;
                const SUMMARY: &'static str = concat!($($doc),+).trim_ascii();
                const ROLE: $crate::Role = $crate::Role::$role;
                type Params = $params;
                type Reply = $reply;
            }
        )+

        /// The methods of this noun, as the OpenRPC document describes them.
        pub(crate) fn describe(book: &mut $crate::openrpc::Book) {
            $(book.method::<$type>();)+
        }
    };
}
pub(crate) use methods;
