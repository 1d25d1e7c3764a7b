select provider, account, bet_id, count(*) as copies
from {{ source('lake', 'bets') }}
group by provider, account, bet_id
having count(*) > 1
