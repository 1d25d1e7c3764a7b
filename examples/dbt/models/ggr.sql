select
    provider,
    bet_date,
    game_id,
    currency,
    count(*) as bets,
    coalesce(sum(stake) filter (where status = 'settled'), 0) as turnover,
    coalesce(sum(payout), 0) as payout,
    coalesce(-sum(net), 0) as ggr,
    count(*) filter (where net is null) as bets_without_result
from {{ ref('live_bets') }}
where status is null or status <> 'open'
group by provider, bet_date, game_id, currency
