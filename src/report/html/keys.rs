//! What a match key is to someone who does marketing.

/// What a match key is called, and what it is worth.
///
/// Source: Conversions API, customer information parameters, and best practices on match quality.
pub(super) fn words(key: &str) -> (&'static str, &'static str) {
    match key {
        "em" => ("E-mail address", "Most people log in to Meta with one: no other key finds more of them."),
        "ph" => ("Phone number", "Finds people who signed up by phone; it needs its country code."),
        "external_id" => {
            ("Your own customer id", "Ties the events of one customer together, if the Pixel sends the same id.")
        }
        "fbc" => {
            ("Ad click (fbclid)", "Ties the event to the very click on an ad; only people who came by an ad have one.")
        }
        "fbp" => ("Browser (Pixel cookie)", "Ties the event to a browser in which the Pixel ran."),
        "fn" => ("First name", "Helps beside other keys, not alone."),
        "ln" => ("Last name", "Helps beside other keys, not alone."),
        "db" => ("Date of birth", "Tells people of the same name apart."),
        "ge" => ("Gender", "Tells little; helps beside names."),
        "ct" => ("City", "Helps beside names."),
        "st" => ("State or province", "Helps beside names."),
        "zp" => ("Postal code", "Helps beside names."),
        "country" => ("Country", "Helps beside names."),
        "client_ip_address" => ("IP address", "Helps together with the browser’s name."),
        "client_user_agent" => ("Browser’s name", "Helps together with the IP address."),
        "lead_id" => ("Lead ads id", "Ties the event to a lead form on Meta."),
        "fb_login_id" => ("Facebook login id", "Names the person for sure, where people log in with Facebook."),
        "subscription_id" => ("Subscription id", "Ties the payments of one subscription together."),
        "madid" => ("Mobile advertiser id", "Names the phone, where its owner allows it."),
        "anon_id" => ("App install id", "Names one installation of the app."),
        "ctwa_clid" => ("WhatsApp ad click", "Ties the event to the click that began the chat."),
        "page_scoped_user_id" => ("Messenger user id", "Names the person who wrote to your page."),
        "ig_sid" => ("Instagram user id", "Names the person who wrote to your account."),
        _ => ("", ""),
    }
}
