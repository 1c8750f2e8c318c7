//! Requests of proven senders: their share of those in flight, and the room for their messages, from the first byte of a
//! body on.
//!
//! A proof costs its sender nothing but a hotkey, so that whoever has one may send slowly, too. A body that is still being
//! read gives way to another hotkey's where shares or room are short ([`Readings`]): the one that has been read for longest
//! of the hotkey whose bodies hold most, if that is more than who asks would then have, or as much for a good while. A
//! request whose body is there does not: what it holds is given back when it is answered.

use std::sync::Arc;

use btd_api::AccountId;
use btd_wire::admission::BodyError;
use bytes::Bytes;

use super::{
    readings::{Reading, Readings},
    service::Arriving,
    shares::{NoShare, Share, Shares},
};
use crate::room::{Charge, NoRoom, Room};

/// What an axon has for the requests of proven senders.
#[derive(Debug)]
pub(super) struct Proven {
    shares: Arc<Shares<AccountId>>,
    /// What the messages take.
    room: Arc<Room>,
    /// Bodies that are read, with what they hold.
    readings: Arc<Readings<AccountId, Entered>>,
}

/// What a request of a proven sender holds from its body's first byte on.
#[derive(Debug)]
pub(super) struct Entered {
    _share: Share<AccountId>,
    pub(super) charge: Charge,
    /// What the body alone takes of it.
    pub(super) body: usize,
}

// === impl Proven ===

impl Proven {
    /// For so many requests in flight, in all and of one hotkey, whose messages take so many bytes.
    pub(super) fn new((max, max_per_hotkey): (usize, usize), max_bytes: usize) -> Self {
        let (shares, room) = (Shares::new(max, max_per_hotkey), Room::new(max_bytes));
        Self { shares, room, readings: Readings::unlimited() }
    }

    /// A share of the requests in flight for a sender, of whose message nothing is there yet.
    pub(super) fn enter(&self, sender: AccountId) -> Result<Entered, BodyError> {
        loop {
            match self.shares.enter(sender) {
                Ok(share) => return Ok(Entered { _share: share, charge: self.room.open(sender), body: 0 }),
                Err(NoShare::Owner) => return Err(BodyError::SenderBusy),
                Err(NoShare::All) => {
                    let would_have = self.shares.held_by(&sender).saturating_add(1);
                    if !self.readings.give_place(would_have) {
                        return Err(BodyError::Busy);
                    }
                }
            }
        }
    }

    /// Reads a body of a sender, and enters it before.
    pub(super) async fn read<B: Arriving>(
        &self,
        sender: AccountId,
        body: B,
        limit: usize,
    ) -> Result<(Entered, Bytes), BodyError> {
        let mut reading = self.readings.enter_with(sender, self.enter(sender)?);
        let displaced = reading.displaced();
        let arriving = body.read(limit, |bytes| self.take_more(&mut reading, sender, bytes));
        let read = displaced.run_until_cancelled(arriving).await.unwrap_or(Err(BodyError::Busy))?;
        Ok((reading.end().ok_or(BodyError::Busy)?, read))
    }

    /// Has a message whose body is there take so many bytes from now on.
    pub(super) fn take(&self, entered: &mut Entered, sender: AccountId, bytes: usize) -> Result<(), BodyError> {
        while let Err(NoRoom) = entered.charge.take(bytes) {
            self.make_room(sender, (entered.charge.bytes(), bytes))?;
        }
        Ok(())
    }

    /// Has a body that is read take so many bytes from now on.
    fn take_more(
        &self,
        reading: &mut Reading<AccountId, Entered>,
        sender: AccountId,
        bytes: usize,
    ) -> Result<(), BodyError> {
        // Of a long body most pieces come into pages that are counted already.
        while bytes != reading.bytes() {
            match reading.take_of(bytes, |entered| entered.charge.take(bytes)) {
                Some(Ok(())) => {}
                Some(Err(NoRoom)) => self.make_room(sender, (reading.bytes(), bytes))?,
                None => return Err(BodyError::Busy),
            }
        }
        Ok(())
    }

    /// Has a body give way to a sender, one of whose messages took so many bytes and is to take so many others.
    fn make_room(&self, sender: AccountId, (took, takes): (usize, usize)) -> Result<(), BodyError> {
        let would_take = self.room.taken_by(&sender).saturating_sub(took).saturating_add(takes);
        if self.readings.give_room(would_take) { Ok(()) } else { Err(BodyError::Full) }
    }

    /// Requests that hold a share.
    pub(super) fn held(&self) -> usize {
        self.shares.held()
    }

    /// Bodies that are read now.
    #[cfg(test)]
    pub(super) fn readings(&self) -> usize {
        self.readings.held()
    }

    /// Bytes that messages take now.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.room.taken()
    }
}
