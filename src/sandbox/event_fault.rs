//! What is wrong with an event, and what Meta says of it: the table of subcodes, titles and texts.
//!
//! Bodies were collected from public reports of real refusals. What was observed is said beside each; the other
//! titles, texts and translations are ours. A client must decide by the codes alone.

use super::language::{Language, Words};

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventFault {
    /// It is no object, or a field has a type that Meta does not document.
    Unreadable,
    /// A required field is absent or blank.
    Missing(&'static str),
    /// A field holds a value that is not among those documented.
    Invalid(&'static str),
    /// It has a key that no event has.
    UnexpectedKey(String),
    /// It is older than Meta accepts.
    TooOld,
    /// It has not happened yet.
    InFuture,
    /// A customer information parameter is in the clear.
    NotHashed(&'static str),
    /// Its customer information is missing or too broad.
    TooFewKeys,
    /// Its lead id is none that Meta made.
    LeadId,
    /// It happened in an app and does not say on which device.
    AppWithoutDevice,
    /// A messaging event has a name that messaging events do not have.
    MessagingName(String),
    /// A Messenger event does not name the page.
    MessengerWithoutPage,
    /// An Instagram event does not name the account.
    InstagramWithoutAccount,
    /// A `WhatsApp` event has no click.
    WhatsappWithoutClick,
    /// A `WhatsApp` event names neither page nor business account.
    WhatsappWithoutAccount,
    /// A Purchase has no value.
    PurchaseWithoutValue,
    /// A Purchase has no currency.
    PurchaseWithoutCurrency,
    /// A value has no currency.
    ValueWithoutCurrency,
    /// An item of `contents` has no id.
    ContentWithoutId,
    /// A fault rule says so, with the subcode that it names.
    Asked(u32),
}

impl EventFault {
    /// The field to blame, when there is one.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Unreadable | Self::Asked(_) => None,
            Self::Missing(field) | Self::Invalid(field) => Some(field),
            Self::UnexpectedKey(key) => Some(key),
            Self::TooOld | Self::InFuture => Some("event_time"),
            Self::MessagingName(_) => Some("event_name"),
            Self::AppWithoutDevice => Some("app_data"),
            Self::NotHashed(_)
            | Self::TooFewKeys
            | Self::LeadId
            | Self::MessengerWithoutPage
            | Self::InstagramWithoutAccount
            | Self::WhatsappWithoutClick
            | Self::WhatsappWithoutAccount => Some("user_data"),
            Self::PurchaseWithoutValue
            | Self::PurchaseWithoutCurrency
            | Self::ValueWithoutCurrency
            | Self::ContentWithoutId => Some("custom_data"),
        }
    }

    /// Meta's subcode of code 100, when there is one.
    ///
    /// Source: public reports of refusals by the events edge; those of the future, of contents and of a value without
    /// currency have one witness each.
    pub(super) fn subcode(&self) -> Option<u32> {
        match self {
            Self::Unreadable | Self::Missing(_) | Self::Invalid(_) | Self::UnexpectedKey(_) => None,
            Self::TooOld => Some(2_804_003),
            Self::InFuture => Some(2_804_004),
            Self::ContentWithoutId => Some(2_804_008),
            Self::PurchaseWithoutValue => Some(2_804_009),
            Self::PurchaseWithoutCurrency => Some(2_804_010),
            Self::NotHashed(_) => Some(2_804_016),
            Self::ValueWithoutCurrency => Some(2_804_023),
            Self::LeadId => Some(2_804_036),
            Self::AppWithoutDevice => Some(2_804_043),
            Self::TooFewKeys => Some(2_804_050),
            Self::MessagingName(_) => Some(2_804_066),
            Self::MessengerWithoutPage => Some(2_804_069),
            Self::InstagramWithoutAccount => Some(2_804_079),
            Self::WhatsappWithoutClick => Some(2_804_087),
            Self::WhatsappWithoutAccount => Some(2_804_116),
            Self::Asked(subcode) => Some(*subcode),
        }
    }

    /// The message for programs.
    pub(super) fn message(&self, index: usize) -> String {
        match self {
            // Observed: facebook-nodejs-business-sdk#258, the one body of this edge that carries an index.
            Self::UnexpectedKey(key) => format!(
                "(#100) Server Side Api Parameter Error: Unexpected key \"{key}\" on param \"$['data'][{index}]\"."
            ),
            _ => "Invalid parameter".to_owned(),
        }
    }

    /// The title and the text for people, when there are any.
    pub(super) fn words(&self, language: Language) -> Option<(String, String)> {
        let (words, name) = match self {
            // Observed without words: Setono/meta-conversions-api-php-sdk and facebook-nodejs-business-sdk#258. Of a
            // device that is missing only the subcode is known.
            Self::Unreadable | Self::UnexpectedKey(_) | Self::AppWithoutDevice => return None,
            Self::Asked(subcode) => return same(*subcode)?.words(language),
            Self::Missing(field) => (MISSING, *field),
            Self::Invalid(field) => (INVALID, *field),
            Self::TooOld => (TOO_OLD, ""),
            Self::InFuture => (IN_FUTURE, ""),
            Self::NotHashed(key) => (NOT_HASHED, *key),
            Self::TooFewKeys => (TOO_FEW_KEYS, ""),
            Self::LeadId => (LEAD_ID, ""),
            Self::MessagingName(name) => (MESSAGING_NAME, name.as_str()),
            Self::MessengerWithoutPage => (WITHOUT_PARAMETER, "page_id"),
            Self::InstagramWithoutAccount => (WITHOUT_PARAMETER, "ig_account_id"),
            Self::WhatsappWithoutClick => (WITHOUT_PARAMETER, "ctwa_clid"),
            Self::WhatsappWithoutAccount => (WITHOUT_ACCOUNT, ""),
            Self::PurchaseWithoutValue => (WITHOUT_VALUE, ""),
            Self::PurchaseWithoutCurrency => (WITHOUT_CURRENCY, ""),
            Self::ValueWithoutCurrency => (BARE_VALUE, ""),
            Self::ContentWithoutId => (CONTENT_WITHOUT_ID, ""),
        };
        Some(words.of(language, name))
    }
}

/// The fault that has a subcode, with no name in it.
fn same(subcode: u32) -> Option<EventFault> {
    use EventFault as F;
    let plain = [
        F::TooOld,
        F::InFuture,
        F::ContentWithoutId,
        F::PurchaseWithoutValue,
        F::PurchaseWithoutCurrency,
        F::NotHashed("em"),
        F::ValueWithoutCurrency,
        F::LeadId,
        F::TooFewKeys,
        F::MessengerWithoutPage,
        F::InstagramWithoutAccount,
        F::WhatsappWithoutClick,
        F::WhatsappWithoutAccount,
    ];
    plain.into_iter().find(|fault| fault.subcode() == Some(subcode))
}

const MISSING: Words = Words {
    english: ("Missing Required Parameter", "The {} parameter is required for every event."),
    french: ("Paramètre obligatoire manquant", "Le paramètre {} est obligatoire pour chaque évènement."),
    danish: ("Påkrævet parameter mangler", "Parameteren {} er påkrævet for alle hændelser."),
};

const INVALID: Words = Words {
    english: ("Invalid Parameter Value", "The {} parameter holds a value that is not supported."),
    french: ("Valeur de paramètre non valide", "Le paramètre {} contient une valeur qui n’est pas prise en charge."),
    danish: ("Ugyldig parameterværdi", "Parameteren {} har en værdi, som ikke understøttes."),
};

// English observed in rudder-transformer, French on v26.0.
const TOO_OLD: Words = Words {
    english: (
        "Event Timestamp Too Old",
        "The timestamp for this event is too far in the past. Events need to be sent from your server within 7 days \
         of when they occurred. Enter a timestamp that has occurred within the last 7 days.",
    ),
    french: (
        "Timestamp de l’évènement trop ancien",
        "Le timestamp pour cet évènement est trop éloigné dans le passé. Les évènements doivent être envoyés depuis \
         votre serveur dans les 7 jours après avoir eu lieu. Entrez un timestamp qui a eu lieu au cours des 7 derniers \
         jours.",
    ),
    danish: (
        "Hændelsens tidsstempel er for gammelt",
        "Tidsstemplet for denne hændelse ligger for langt tilbage. Hændelser skal sendes fra din server inden for 7 \
         dage, efter at de fandt sted. Angiv et tidsstempel fra de seneste 7 dage.",
    ),
};

const IN_FUTURE: Words = Words {
    english: ("Event Timestamp in the Future", "The timestamp for this event is in the future."),
    french: ("Timestamp de l’évènement dans le futur", "Le timestamp pour cet évènement est dans le futur."),
    danish: ("Hændelsens tidsstempel ligger i fremtiden", "Tidsstemplet for denne hændelse ligger i fremtiden."),
};

// English observed: facebook-java-business-sdk#421.
const NOT_HASHED: Words = Words {
    english: (
        "User Parameter Not Hashed",
        "The {} parameter isn’t hashed. Hash all user parameters as SHA256, except for client user agent, click ID, \
         and browser ID. Any other user parameters that are not hashed are automatically rejected by Facebook.",
    ),
    french: (
        "Paramètre d’utilisateur non haché",
        "Le paramètre {} n’est pas haché. Hachez tous les paramètres d’utilisateur en SHA256, à l’exception de \
         l’agent utilisateur du client, de l’ID de clic et de l’ID de navigateur.",
    ),
    danish: (
        "Brugerparameter er ikke hashet",
        "Parameteren {} er ikke hashet. Hash alle brugerparametre som SHA256, undtagen klientens brugeragent, klik-id \
         og browser-id.",
    ),
};

// The English title and the Danish words observed: Setono/meta-conversions-api-php-sdk; the English text is a
// translation.
const TOO_FEW_KEYS: Words = Words {
    english: (
        "You haven't added sufficient customer information parameter data for this event",
        "This event has no customer information parameters or it has a combination of customer information parameters \
         that is so broad that it is unlikely to be effective for matching. To resolve this, see the recommended \
         parameter best practices at \
         developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params",
    ),
    french: (
        "Vous n’avez pas ajouté suffisamment de données client pour cet évènement",
        "Cet évènement ne contient aucun paramètre d’informations client, ou une combinaison de paramètres trop large \
         pour permettre une correspondance. Consultez \
         developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params",
    ),
    danish: (
        "Du har ikke tilføjet tilstrækkelige data om kundeoplysningsparametre for denne hændelse",
        "Denne hændelse har ingen kundeoplysningsparametre, eller den har en kombination af \
         kundeoplysningsparametre, der er så bred, at det er usandsynligt, at det vil være effektivt til matchning. Du \
         kan løse dette ved at gå til de anbefalede fremgangsmåder for parametre på \
         developers.facebook.com/docs/marketing-api/conversions-api/best-practices/#req-rec-params",
    ),
};

// Observed in Italian, in a public handler; translated.
const LEAD_ID: Words = Words {
    english: (
        "Invalid Lead ID",
        "One or more of your lead IDs are not valid or have been deleted. Your entire batch of events may be rejected \
         if there are one or more invalid lead IDs. A lead ID is a 15-16 digit number generated by Meta.",
    ),
    french: (
        "ID de prospect non valide",
        "Un ou plusieurs de vos ID de prospect ne sont pas valides ou ont été supprimés. L’ensemble de votre lot peut \
         être rejeté. Un ID de prospect est un nombre de 15 ou 16 chiffres généré par Meta.",
    ),
    danish: (
        "Ugyldigt lead-id",
        "Et eller flere af dine lead-id'er er ugyldige eller er blevet slettet. Hele dit parti af hændelser kan blive \
         afvist. Et lead-id er et tal på 15-16 cifre, som er genereret af Meta.",
    ),
};

// English observed in public reports, the text in part.
const MESSAGING_NAME: Words = Words {
    english: (
        "Messaging Event Invalid Event Type",
        "The event name parameter value \"{}\" provided for your events with business_messaging action source is \
         invalid. Provide a valid value, such as \"Purchase\" or \"LeadSubmitted\".",
    ),
    french: (
        "Type d’évènement de messagerie non valide",
        "Le nom d’évènement « {} » n’est pas valide pour la source d’action business_messaging. Utilisez par exemple \
         « Purchase » ou « LeadSubmitted ».",
    ),
    danish: (
        "Ugyldig type beskedhændelse",
        "Hændelsesnavnet \"{}\" er ugyldigt for handlingskilden business_messaging. Brug for eksempel \"Purchase\" \
         eller \"LeadSubmitted\".",
    ),
};

const WITHOUT_PARAMETER: Words = Words {
    english: (
        "Missing Messaging Parameter",
        "Your event with action source business_messaging has no valid \"{}\" in its user data.",
    ),
    french: (
        "Paramètre de messagerie manquant",
        "Votre évènement avec la source d’action business_messaging ne contient pas de « {} » valide.",
    ),
    danish: (
        "Beskedparameter mangler",
        "Din hændelse med handlingskilden business_messaging har ingen gyldig \"{}\" i brugerdata.",
    ),
};

// Observed in Portuguese; translated.
const WITHOUT_ACCOUNT: Words = Words {
    english: (
        "Missing Page ID or WhatsApp Business Account ID",
        "Your event with action source business_messaging from channel whatsapp has neither \"page_id\" nor \
         \"whatsapp_business_account_id\".",
    ),
    french: (
        "ID de Page ou de compte WhatsApp Business manquant",
        "Votre évènement avec la source d’action business_messaging du canal whatsapp n’a ni « page_id » ni \
         « whatsapp_business_account_id ».",
    ),
    danish: (
        "Side-id eller id for WhatsApp Business-konto mangler",
        "Din hændelse med handlingskilden business_messaging fra kanalen whatsapp har hverken \"page_id\" eller \
         \"whatsapp_business_account_id\".",
    ),
};

// English observed: rudder-transformer.
const WITHOUT_VALUE: Words = Words {
    english: (
        "Missing Value for Purchase Event",
        "Your purchase event doesn’t include a value parameter. Enter a value. For example: 1.99",
    ),
    french: (
        "Valeur manquante pour l’évènement d’achat",
        "Votre évènement d’achat ne contient pas de paramètre value. Entrez une valeur. Par exemple : 1.99",
    ),
    danish: (
        "Værdi mangler for købshændelse",
        "Din købshændelse har ingen værdiparameter. Angiv en værdi. For eksempel: 1.99",
    ),
};

// English observed: adsmurai-facebook-conversions-api-client#7.
const WITHOUT_CURRENCY: Words = Words {
    english: (
        "Missing Currency for Purchase Event",
        "Your purchase event doesn’t include a currency parameter. Enter a currency parameter. For example: USD",
    ),
    french: (
        "Devise manquante pour l’évènement d’achat",
        "Votre évènement d’achat ne contient pas de paramètre currency. Entrez une devise. Par exemple : USD",
    ),
    danish: (
        "Valuta mangler for købshændelse",
        "Din købshændelse har ingen valutaparameter. Angiv en valuta. For eksempel: USD",
    ),
};

const BARE_VALUE: Words = Words {
    english: ("Missing Currency", "A value was sent without a currency."),
    french: ("Devise manquante", "Une valeur a été envoyée sans devise."),
    danish: ("Valuta mangler", "En værdi blev sendt uden valuta."),
};

const CONTENT_WITHOUT_ID: Words = Words {
    english: ("Invalid Contents Parameter", "An item in contents does not include an id."),
    french: ("Paramètre contents non valide", "Un élément de contents n’a pas d’id."),
    danish: ("Ugyldig contents-parameter", "Et element i contents har ikke noget id."),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_words_of_its_own() {
        use EventFault as F;
        for fault in [
            F::Missing("event_name"),
            F::Invalid("currency"),
            F::TooOld,
            F::InFuture,
            F::NotHashed("em"),
            F::TooFewKeys,
            F::LeadId,
            F::MessagingName("Lead".into()),
            F::MessengerWithoutPage,
            F::InstagramWithoutAccount,
            F::WhatsappWithoutClick,
            F::WhatsappWithoutAccount,
            F::PurchaseWithoutValue,
            F::PurchaseWithoutCurrency,
            F::ValueWithoutCurrency,
            F::ContentWithoutId,
            F::Asked(2_804_016),
        ] {
            let words = [Language::English, Language::French, Language::Danish].map(|it| fault.words(it).unwrap());
            let [english, french, danish] = &words;
            assert!(english != french && french != danish && danish != english, "{fault:?}");
            assert!(words.iter().all(|(title, text)| !title.contains("{}") && !text.contains("{}")), "{fault:?}");
        }
        assert_eq!(F::Asked(2_804_003).words(Language::Danish), F::TooOld.words(Language::Danish));
        assert_eq!(F::Asked(2_804_001).words(Language::English), None);
    }
}
