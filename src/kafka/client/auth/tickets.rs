//! Tickets from the system's Kerberos library, and the messages that present them.

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_PRINCIPAL, OidSet};

use super::{Exchange, LoginError, SaslMessage};

/// The bit for "no security layer" in the broker's offer and in the client's choice.
const NO_LAYER: u8 = 1;

/// Begins to present a ticket for `broker` (`service@host`); requests one if there is none yet.
pub(super) fn exchange(
    broker: &str,
    principal: Option<&str>,
) -> Result<Box<dyn Exchange>, LoginError> {
    let broker = Name::new(broker.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
    let principal = principal.map(|name| Name::new(name.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL)));
    let mechanisms = OidSet::singleton(GSS_MECH_KRB5)?;
    let ours = Cred::acquire(
        principal.transpose()?.as_ref(),
        None,
        CredUsage::Initiate,
        Some(&mechanisms),
    )?;
    // The broker has to prove its identity, too.
    let flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG;
    let context = ClientCtx::new(Some(ours), broker, flags, Some(GSS_MECH_KRB5));
    let stage = Stage::Context;
    Ok(Box::new(Tickets { context, stage }))
}

/// The stage of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Mutual authentication.
    Context,
    /// Negotiation of the security layer, which the broker begins.
    Layer,
}

struct Tickets {
    context: ClientCtx,
    stage: Stage,
}

impl Exchange for Tickets {
    fn answer(&mut self, challenge: &[u8]) -> Result<SaslMessage, LoginError> {
        match self.stage {
            Stage::Context => {
                let challenge = (!challenge.is_empty()).then_some(challenge);
                let token = self.context.step(challenge, None)?;
                if self.context.is_complete() {
                    self.stage = Stage::Layer;
                }
                Ok(SaslMessage::Goes(
                    token.map(|token| token.to_vec()).unwrap_or_default(),
                ))
            }
            Stage::Layer => {
                let offer = self.context.unwrap(challenge)?;
                if offer.len() != 4 || offer[0] & NO_LAYER == 0 {
                    return Err(
                        "the broker requires a security layer, which Kafka's protocol doesn't support"
                            .into(),
                    );
                }
                // No security layer, so no maximum message size either; no other identity to act for.
                let choice = self.context.wrap(false, &[NO_LAYER, 0, 0, 0])?;
                Ok(SaslMessage::Ends(choice.to_vec()))
            }
        }
    }
}
