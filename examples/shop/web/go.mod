module shop.example/web

go 1.26
