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
            else 'Other'
        end as facebook_event_type,
        cast(null as varchar) as facebook_content_type
    from {{ ref('nexus_events') }}
    where event_name in ('purchase completed', 'lead generated', 'sign up')
),

customers as (
    -- An event without anyone in this role is left out: there is nobody whom Meta could find.
    select
        event_id,
        person_id
    from {{ ref('nexus_person_participants') }}
    where role = 'customer'
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
        p.full_name,
        p.first_name,
        p.last_name,
        p.external_id,
        p.date_of_birth,
        e.facebook_event_type,
        'product' as facebook_content_type,
        'USD' as currency,
        current_timestamp as processed_at
    from target_events e
    inner join customers c
        on c.event_id = e.event_id
    left join {{ ref('nexus_persons') }} p
        on p.person_id = c.person_id
    where c.person_id is not null
    -- One row for each event, whatever the joins give:
    -- the lowest id, so that each build chooses alike.
    qualify row_number() over (
        partition by e.event_id
        order by
            c.person_id
    ) = 1
)

select * from facebook_events
order by occurred_at desc
