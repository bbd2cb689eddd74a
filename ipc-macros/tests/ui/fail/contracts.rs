use ipc::contract;

contract! {
    GET "/a/{id}" with_state(state: State<u8>, id: Path<u8>) -> Json<u8>;
    GET "/b", contract = other::contract, contract_name = Other named();
    GET "/c", colour = blue coloured();
    fetch "/d" fetched();
    GET "/e" no_semicolon()
    GET "/f" after_it();
    GET "/g" replies() -> Replies<u8>;
    GET "/h" receives(self);
}

fn main() {}
