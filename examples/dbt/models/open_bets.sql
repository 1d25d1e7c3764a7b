select provider, account, bet_id, player_id, game_id, currency, stake, placed_at, extracted_at
from {{ ref('live_bets') }}
where status = 'open'
