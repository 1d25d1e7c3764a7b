select provider, account, bet_id, bet_date, status, currency, stake, net, stream, slot_start, slot_end, missing_since
from {{ source('lake', 'bets') }}
where missing_since is not null
