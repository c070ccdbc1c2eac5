//! Requests to a proxy that name the whole address.

use ureq::{
    Error,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// Inserts the origin of the server before the path in each request on a connection to a proxy.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    /// Scheme and authority of the server, such as `http://collector.example:4318`.
    pub(super) origin: String,
}

impl<In: Transport> Connector<In> for Forward {
    type Out = Forwarded<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let origin = self.origin.clone();
        Ok(chained.map(|proxy| Forwarded { proxy, origin, is_begun: false }))
    }
}

/// Connection to a proxy.
#[derive(Debug)]
pub(super) struct Forwarded<T> {
    proxy: T,
    origin: String,
    /// The head of the current request has been written.
    is_begun: bool,
}

impl<T: Transport> Transport for Forwarded<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.proxy.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_begun {
            return self.proxy.transmit_output(amount, timeout);
        }
        self.is_begun = true;
        let mut head = self.proxy.buffers().output()[..amount].to_vec();
        if let Some(space) = head.iter().position(|byte| *byte == b' ') {
            head.splice((space + 1)..=space, self.origin.bytes());
        }
        // The buffer may have no room for the origin.
        let room = self.proxy.buffers().output().len().max(1);
        for part in head.chunks(room) {
            self.proxy.buffers().output()[..part.len()].copy_from_slice(part);
            self.proxy.transmit_output(part.len(), timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // A reply is awaited, so that what is written next is another request.
        self.is_begun = false;
        self.proxy.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.proxy.is_open()
    }

    fn is_tls(&self) -> bool {
        self.proxy.is_tls()
    }
}
