{# Printed by `fbcapi model`: change its configuration, not this file. #}
{{ config(materialized='table') }}

with target_events as (
    select
        event_id,
        occurred_at,
        event_name,
        event_description,
        source,
        value,
        value_unit,
        case event_name
            when 'purchase completed' then 'Purchase'
            when 'lead generated' then 'Lead'
            when 'sign up' then 'CompleteRegistration'
            when 'it''s over' then 'Cancelled'
            else 'Other'
        end as facebook_event_type,
        case event_name
            when 'purchase completed' then 'product'
        end as facebook_content_type
    from {{ ref('nexus_events') }}
    where event_name in ('purchase completed', 'lead generated', 'sign up', 'it''s over', 'survey')
      and source in ('shop', 'crm')
),

customers as (
    -- An event without anyone in this role is left out: there is nobody whom Meta could find.
    select
        event_id,
        entity_id as person_id
    from {{ ref('nexus_entity_participants') }}
    where role = 'customer'
      and entity_type = 'person'
),

clicks as (
    select
        attributed_event_id as event_id,
        entity_id as person_id,
        fbclid,
        touchpoint_occurred_at as fbclid_occurred_at,
        attribution_model_name
    from {{ ref('nexus_attribution_model_results') }}
    where attribution_model_name = 'last_fbclid'
      and fbclid is not null
      and entity_type = 'person'
),

sent as (
    select distinct
        facebook_event_sync_id,
        event_name
    from "MAIN"."NEXUS_FACEBOOK_CAPI_SEND_LOG"
    where status = 'sent'
      and dataset_id = '222'
),

facebook_events as (
    select
        e.event_id,
        e.occurred_at,
        e.event_name,
        e.event_description,
        e.source,
        e.value,
        e.value_unit,
        c.person_id,
        p.email as mail,
        p.full_name as "Whole Name",
        p.phone,
        p.first_name,
        p.last_name,
        p.external_id,
        k.fbclid,
        k.fbclid_occurred_at,
        k.attribution_model_name,
        e.facebook_event_type,
        e.facebook_content_type,
        current_timestamp as processed_at,
        p.town,
        p.marketing_consent
    from target_events e
    inner join customers c
        on c.event_id = e.event_id
    left join {{ ref('nexus_entities') }} p
        on p.entity_id = c.person_id
        and p.entity_type = 'person'
    left join clicks k
        on k.event_id = e.event_id
    left join sent s
        on s.facebook_event_sync_id = cast(e.event_id as varchar)
        and s.event_name = e.facebook_event_type
    where c.person_id is not null
      and s.facebook_event_sync_id is null
    -- One row for each event, whatever the joins give:
    -- a person with an e-mail address before one without;
    -- a person with a phone number before one without;
    -- the person's own click before that of another, the latest of them;
    -- the lowest id, so that each build chooses alike.
    qualify row_number() over (
        partition by e.event_id
        order by
            case when p.email is null then 1 else 0 end,
            case when p.phone is null then 1 else 0 end,
            case when k.person_id = c.person_id then 0 else 1 end,
            k.fbclid_occurred_at desc nulls last,
            c.person_id,
            k.fbclid
    ) = 1
)

select * from facebook_events
order by occurred_at desc
