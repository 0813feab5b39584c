"""Budget: the convention with the State, its volets, its payments, its expenses and its bilans."""
