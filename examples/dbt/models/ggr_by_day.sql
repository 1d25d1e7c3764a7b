select
    provider,
    bet_date,
    currency,
    sum(bets) as bets,
    sum(turnover) as turnover,
    sum(payout) as payout,
    sum(ggr) as ggr,
    sum(bets_without_result) as bets_without_result
from {{ ref('ggr') }}
group by provider, bet_date, currency
