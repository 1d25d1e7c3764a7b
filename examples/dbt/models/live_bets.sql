select * from {{ source('lake', 'bets') }} where missing_since is null
