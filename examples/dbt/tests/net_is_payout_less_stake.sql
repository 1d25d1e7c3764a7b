select provider, account, bet_id, stake, payout, net
from {{ source('lake', 'bets') }}
where net is distinct from payout - stake
