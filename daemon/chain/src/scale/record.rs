//! Structs that are read by the names of their fields: [`record!`].

use scale_info::{Field, PortableRegistry, TypeDef, form::PortableForm};

use super::{MAX_DEPTH, Mismatch, definition, ident};

/// The named fields of a record of type `id`, in order.
pub(crate) fn named_fields(mut id: u32, types: &PortableRegistry) -> Result<&[Field<PortableForm>], Mismatch> {
    for _ in 0..MAX_DEPTH {
        match definition(id, types)? {
            TypeDef::Composite(composite) if composite.fields.iter().all(|field| field.name.is_some()) => {
                return Ok(&composite.fields);
            }
            TypeDef::Composite(wrapper) if wrapper.fields.len() == 1 => id = wrapper.fields[0].ty.id,
            TypeDef::Tuple(wrapper) if wrapper.fields.len() == 1 => id = wrapper.fields[0].id,
            _ => return Err(Mismatch::new(format!("expected named fields, the runtime has {}", ident(id, types)))),
        }
    }
    Err(Mismatch::new("the type nests too deeply"))
}

/// Where each named field of a record of type `id` goes, and its type: to that of `places` which has the same place
/// as its name among `names`. A field without a place is stepped over.
pub(crate) fn plan<P: Copy>(
    id: u32,
    types: &PortableRegistry,
    (names, places): (&[&str], &[P]),
) -> Result<Vec<(Option<P>, u32)>, Mismatch> {
    // As a rule, runtimes have them in the order in which they are known.
    let mut next = 0;
    let mut place = |name: &str| {
        let is_next = names.get(next).is_some_and(|known| *known == name);
        let found = if is_next { next } else { names.iter().position(|known| *known == name)? };
        next = found + 1;
        places.get(found).copied()
    };
    let fields = named_fields(id, types)?.iter();
    Ok(fields.map(|field| (field.name.as_deref().and_then(&mut place), field.ty.id)).collect())
}

/// A struct that is read by its field names. `field: Type = default` may be missing in the runtime.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty $(= $missing:expr)? ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $type, )*
        }

        impl $crate::scale::read::FromScale for $name {
            fn reader(
                id: u32,
                types: &scale_info::PortableRegistry,
            ) -> Result<
                impl Fn(&mut &[u8]) -> Result<Self, $crate::scale::Mismatch> + '_,
                $crate::scale::Mismatch,
            > {
                /// Something for each field.
                #[allow(non_camel_case_types, reason = "a field's is called as the field")]
                struct Each<$($field),*> {
                    $( $field: $field, )*
                }
                /// A field.
                #[allow(non_camel_case_types, clippy::enum_variant_names, reason = "a field's is called as the field")]
                #[derive(Clone, Copy)]
                enum Place {
                    $( $field, )*
                }
                const NAMES: &[&str] = &[$(stringify!($field)),*];
                const PLACES: &[Place] = &[$(Place::$field),*];
                let plan = $crate::scale::record::plan(id, types, (NAMES, PLACES))?;
                $( let mut $field = None; )*
                for (place, id) in &plan {
                    match place {
                        None => {}
                        $(
                            Some(Place::$field) => {
                                $field = Some($crate::scale::read::present_reader::<$type>(*id, types));
                            }
                        )*
                    }
                }
                // What cannot be read matters when something is to be.
                let readers = Each { $($field),* };
                Ok(move |input: &mut &[u8]| {
                    $( let mut $field: Option<$type> = None; )*
                    for (place, id) in &plan {
                        match place {
                            None => $crate::scale::skip(input, *id, types)?,
                            $(
                                Some(Place::$field) => {
                                    let value = match &readers.$field {
                                        Some(Ok(read)) => read(input),
                                        Some(Err(mismatch)) => Err(mismatch.clone()),
                                        None => Ok(None),
                                    };
                                    $field = value.map_err(|m| m.inside(stringify!($field)))?;
                                }
                            )*
                        }
                    }
                    Ok(Self {
                        $( $field: match $field {
                            Some(value) => value,
                            None => $crate::scale::record::record!(@missing $name $field $($missing)?),
                        }, )*
                    })
                })
            }
        }
    };
    (@missing $name:ident $field:ident $missing:expr) => { $missing };
    (@missing $name:ident $field:ident) => {
        return Err($crate::scale::Mismatch::new(concat!(
            "the runtime's ", stringify!($name), " has no field `", stringify!($field), "`"
        )))
    };
}
pub(crate) use record;
