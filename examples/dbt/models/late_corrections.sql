select
    provider,
    account,
    bet_id,
    bet_date,
    status,
    currency,
    net,
    placed_at,
    updated_at,
    updated_at - placed_at as late_by
from {{ ref('live_bets') }}
where updated_at - placed_at >= interval 1 day
